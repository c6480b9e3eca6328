// SPDX-License-Identifier: BSD-3-Clause
//
// Real shared objects, good and bad, through the real discovery and loader.

#include "plugin/fake_kernel_test.hpp"
#include "plugin/guard.hpp"
#include "plugin/registry.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ais::plugin {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class Loading : public ::testing::Test {
  protected:
    // A directory of copies and made-up files, of this test alone.
    Loading() {
        std::string pattern = (fs::temp_directory_path() / "ais-load-XXXXXX").string();
        made_ = mkdtemp(pattern.data());
    }
    ~Loading() override { fs::remove_all(made_); }

    void scan() {
        const std::string directories[] = {AIS_LOAD_PLUGIN_DIR, made_.string()};
        registry_.scan(directories);
    }
    void write(const std::string& name, std::string_view content) {
        std::ofstream(made_ / name, std::ios::binary) << content;
    }
    static std::string content_of(const std::string& name) {
        std::ifstream file(fs::path(AIS_LOAD_PLUGIN_DIR) / name, std::ios::binary);
        return {std::istreambuf_iterator<char>(file), {}};
    }
    [[nodiscard]] std::string refused(std::string_view name) const {
        for (const Candidate& candidate : registry_.candidates()) {
            if (candidate.name == name) {
                return candidate.refused;
            }
        }
        return "(no candidate)";
    }
    std::unique_ptr<Plugins> start(const std::vector<std::string>& names) {
        auto plugins = registry_.start(names, kernel_.kernel);
        EXPECT_TRUE(plugins) << plugins.error().text;
        return plugins ? plugins.take() : nullptr;
    }
    std::string start_error(const std::vector<std::string>& names) {
        const auto plugins = registry_.start(names, kernel_.kernel);
        return plugins ? "(it started)" : plugins.error().text;
    }

    fs::path made_;
    TestKernel kernel_;
    Registry registry_;
};

TEST_F(Loading, starts_several_instances_that_know_nothing_of_each_other) {
    scan();
    TestKernel other;
    const std::vector<std::string> names = {"good"};
    auto first = start(names);
    auto second = registry_.start(names, other.kernel);
    ASSERT_TRUE(first != nullptr && second);
    ServiceGuard one(*first->find("good"));
    ServiceGuard two(*(*second)->find("good"));
    one.deliver(NodeId(1), 1, {});
    one.deliver(NodeId(1), 1, {});
    two.deliver(NodeId(1), 1, {});
    std::string of_one;
    std::string of_two;
    one.dump(of_one);
    two.dump(of_two);
    EXPECT_EQ(of_one, "2");
    EXPECT_EQ(of_two, "1");
    first.reset();
    EXPECT_TRUE(kernel_.log.has("good FIXTURE-003 unloaded"));
    EXPECT_FALSE(other.log.has("FIXTURE-003"));
    two.deliver(NodeId(1), 1, {});  // still mapped, still alive
}

TEST_F(Loading, starts_a_plugin_again_after_it_was_unloaded) {
    scan();
    start({"good"}).reset();
    EXPECT_NE(start({"good"})->find("good"), nullptr);
}

TEST_F(Loading, lists_without_running_code) {
    unsetenv("AIS_FIXTURE_CONSTRUCTOR_RAN");
    scan();
    EXPECT_EQ(refused("constructor"), "");
    EXPECT_THAT(registry_.list(), HasSubstr("constructor"));
    EXPECT_EQ(std::getenv("AIS_FIXTURE_CONSTRUCTOR_RAN"), nullptr);
    // The witness works: to map it is to run it.
    start({"constructor"});
    EXPECT_NE(std::getenv("AIS_FIXTURE_CONSTRUCTOR_RAN"), nullptr);
    unsetenv("AIS_FIXTURE_CONSTRUCTOR_RAN");
}

TEST_F(Loading, refuses_files_that_are_no_plugins_and_says_why) {
    write("text.so", "just some text\n");
    write("empty.so", "");
    const std::string good = content_of("good.so");
    write("truncated.so", std::string_view(good).substr(0, good.size() / 3));
    write("header_only.so", std::string_view(good).substr(0, 100));
    fs::create_directory(made_ / "directory.so");
    fs::create_symlink("/nonexistent", made_ / "dangling.so");
    write("ignored.txt", "not looked at");
    scan();
    EXPECT_THAT(refused("text"), HasSubstr("not a shared object: no ELF header"));
    EXPECT_THAT(refused("empty"), HasSubstr("not a shared object: no ELF header"));
    EXPECT_THAT(refused("truncated"), HasSubstr("truncated"));
    EXPECT_THAT(refused("header_only"), HasSubstr("truncated"));
    EXPECT_THAT(refused("directory"), HasSubstr("not a regular file"));
    EXPECT_THAT(refused("dangling"), Not(""));
    EXPECT_EQ(refused("ignored"), "(no candidate)");
    EXPECT_THAT(refused("no_symbol"), HasSubstr("without the symbol ais_plugin"));
    EXPECT_THAT(refused("other_major"), HasSubstr("built for plugin ABI 2, this kernel has 1"));
    EXPECT_THAT(refused("wrong_stem"),
                HasSubstr("its name is 'right_name' but the file is 'wrong_stem.so'"));
    EXPECT_THAT(
        start_error({"good", "text"}),
        AllOf(HasSubstr("plugin 'text' ("), HasSubstr("text.so) is refused: not a shared object")));
    EXPECT_THAT(start_error({"wrong_stem"}), HasSubstr("name the file 'right_name.so'"));
    EXPECT_THAT(start_error({"other_major"}), HasSubstr("plugin ABI 2"));
}

TEST_F(Loading, survives_every_truncation_of_a_real_plugin) {
    const std::string good = content_of("good.so");
    for (std::size_t size = 0; size < good.size(); size += good.size() / 40 + 1) {
        write("cut" + std::to_string(size) + ".so", std::string_view(good).substr(0, size));
    }
    scan();
    for (const Candidate& candidate : registry_.candidates()) {
        if (candidate.name.rfind("cut", 0) == 0) {
            EXPECT_NE(candidate.refused, "") << candidate.name;
        }
    }
}

TEST_F(Loading, prints_a_table_with_the_refused_ones) {
    write("text.so", "just some text\n");
    scan();
    const std::string table = registry_.list();
    EXPECT_THAT(table, HasSubstr("NAME"));
    EXPECT_THAT(table, ::testing::ContainsRegex("good +3\\.2\\.1 +ais\\.service/1 +/.*/good\\.so"));
    EXPECT_THAT(table,
                ::testing::ContainsRegex("text +- +refused: not a shared object: no ELF header"));
    EXPECT_THAT(
        table,
        ::testing::ContainsRegex("provider +3\\.2\\.1 +ais\\.service/1, com\\.acme\\.thing/1"));
}

TEST_F(Loading, names_what_there_is_when_a_name_is_wrong) {
    scan();
    EXPECT_THAT(start_error({"goood"}),
                AllOf(HasSubstr("no plugin is named 'goood'; there are "), HasSubstr("good")));
    Registry empty;
    const std::string directories[] = {made_.string()};
    empty.scan(directories);
    const std::vector<std::string> names = {"good"};
    EXPECT_THAT(empty.start(names, kernel_.kernel).error().text, HasSubstr("see --plugin-dir"));
}

TEST_F(Loading, takes_a_name_from_the_first_directory_that_has_it) {
    write("good.so", "an impostor, later in the list");
    scan();
    EXPECT_EQ(refused("good"), "");
    bool hidden = false;
    for (const Candidate& candidate : registry_.candidates()) {
        hidden = hidden || (candidate.name == "good" && candidate.refused.find("hidden by /") == 0);
    }
    EXPECT_TRUE(hidden);
    EXPECT_NE(start({"good"}), nullptr);
}

TEST_F(Loading, reports_what_a_plugin_says_when_it_does_not_load) {
    scan();
    EXPECT_THAT(start_error({"good", "load_fails"}),
                HasSubstr("plugin 'load_fails' does not start (status 7)"));
    EXPECT_TRUE(kernel_.log.has("load_fails FIXTURE-002 the moon is not full"));
    EXPECT_TRUE(kernel_.log.has("good FIXTURE-003 unloaded"));
    EXPECT_THAT(start_error({"throws"}), HasSubstr("plugin 'throws' does not start"));
    EXPECT_TRUE(kernel_.log.has("throws SDK-001 no socket for the moon"));
    EXPECT_THAT(start_error({"throws_raw"}),
                HasSubstr("its load threw 'raw bones' across the ABI"));
}

TEST_F(Loading, binds_every_symbol_at_once) {
    scan();
    EXPECT_EQ(refused("undefined"), "");  // not visible from outside
    EXPECT_THAT(start_error({"undefined"}),
                AllOf(HasSubstr("cannot be loaded"), HasSubstr("nobody_has_this_function")));
}

TEST_F(Loading, orders_by_needs_and_names_what_is_missing_or_circular) {
    scan();
    const auto plugins = start({"consumer", "good", "provider"});
    ASSERT_NE(plugins, nullptr);
    EXPECT_EQ(plugins->all()[0]->name(), "good");
    EXPECT_EQ(plugins->all()[1]->name(), "provider");
    EXPECT_EQ(plugins->all()[2]->name(), "consumer");
    EXPECT_THAT(start_error({"consumer"}),
                AllOf(HasSubstr("plugin 'consumer' needs com.acme.thing/1"),
                      HasSubstr("plugin 'provider' offers it")));
    EXPECT_THAT(start_error({"cycle_b", "cycle_a"}),
                HasSubstr("circle: cycle_a needs com.acme.b/1 of cycle_b, cycle_b needs "
                          "com.acme.a/1 of cycle_a"));
}

}  // namespace
}  // namespace ais::plugin
