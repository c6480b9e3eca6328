// SPDX-License-Identifier: BSD-3-Clause

#include "options.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace ais {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using Environment = std::map<std::string, std::string>;

Result<Options> parse(std::vector<const char*> arguments, const Environment& environment = {}) {
    arguments.insert(arguments.begin(), "aisexec-kernel");
    return parse_options(
        static_cast<int>(arguments.size()), arguments.data(), [&](const char* name) {
            const auto found = environment.find(name);
            return found == environment.end() ? nullptr : found->second.c_str();
        });
}

Options options(std::vector<const char*> arguments, const Environment& environment = {}) {
    auto parsed = parse(std::move(arguments), environment);
    if (!parsed) {
        ADD_FAILURE() << parsed.error().text;
        return {};
    }
    return parsed.take();
}

TEST(Options, are_the_defaults_without_arguments) {
    const auto got = options({});
    EXPECT_EQ(got.action, Action::run);
    EXPECT_FALSE(got.foreground);
    EXPECT_FALSE(got.embedded);
    EXPECT_EQ(got.config_file, "/etc/ais/openais.conf");
    EXPECT_EQ(got.amf_config_file, "/etc/ais/amf.conf");
    EXPECT_EQ(got.authkey_file, "/etc/ais/authkey");
    EXPECT_EQ(got.parser, "config_openais");
    EXPECT_EQ(got.run_dir, "/run/ais");
    EXPECT_EQ(got.state_dir, "/var/lib/ais");
    EXPECT_FALSE(got.plugins);
    EXPECT_THAT(got.plugin_dirs, IsEmpty());
}

TEST(Options, come_from_the_environment) {
    const auto got = options({},
                             {{"OPENAIS_MAIN_CONFIG_FILE", "/a"},
                              {"OPENAIS_AMF_CONFIG_FILE", "/b"},
                              {"OPENAIS_TOTEM_AUTHKEY_FILE", "/c"},
                              {"OPENAIS_DEFAULT_CONFIG_IFACE", "config_ini"},
                              {"OPENAIS_RUN_DIR", "/d"}});
    EXPECT_EQ(got.config_file, "/a");
    EXPECT_EQ(got.amf_config_file, "/b");
    EXPECT_EQ(got.authkey_file, "/c");
    EXPECT_EQ(got.parser, "config_ini");
    EXPECT_EQ(got.run_dir, "/d");
}

TEST(Options, take_an_empty_variable_as_not_set) {
    EXPECT_EQ(options({}, {{"OPENAIS_RUN_DIR", ""}}).run_dir, "/run/ais");
}

TEST(Options, of_the_command_line_count_more_than_the_environment) {
    const auto got =
        options({"--config", "/x", "--run-dir=/y", "--state-dir", "/z", "-f", "--trace", "/t"},
                {{"OPENAIS_MAIN_CONFIG_FILE", "/a"}, {"OPENAIS_RUN_DIR", "/d"}});
    EXPECT_EQ(got.config_file, "/x");
    EXPECT_EQ(got.run_dir, "/y");
    EXPECT_EQ(got.state_dir, "/z");
    EXPECT_EQ(got.trace_file, "/t");
    EXPECT_TRUE(got.foreground);
}

TEST(Options, list_plugins_and_directories_in_order) {
    const auto got = options(
        {"--plugin", "clm,cpg", "--plugin-dir", "/p", "--plugin-dir", "/q", "--plugin", "evs,clm"});
    EXPECT_THAT(*got.plugins, ElementsAre("clm", "cpg", "evs"));
    EXPECT_THAT(got.plugin_dirs, ElementsAre("/p", "/q"));
}

TEST(Options, tell_no_plugins_from_all_plugins) {
    ASSERT_TRUE(options({"--plugin", "none"}).plugins);
    EXPECT_THAT(*options({"--plugin", "none"}).plugins, IsEmpty());
    EXPECT_FALSE(options({}).plugins);
}

TEST(Options, name_a_plugin_that_cannot_be_one) {
    EXPECT_EQ(parse({"--plugin", "clm,../x"}).error().text,
              "aisexec-kernel: --plugin: \"../x\" is not the name of a plugin, such as cpg; see "
              "aisexec-kernel --help");
}

TEST(Options, name_a_parser_that_cannot_be_one) {
    EXPECT_EQ(parse({}, {{"OPENAIS_DEFAULT_CONFIG_IFACE", "openaisserviceenable:x"}}).error().text,
              "aisexec-kernel: OPENAIS_DEFAULT_CONFIG_IFACE: \"openaisserviceenable:x\" is not the "
              "name of a plugin, such "
              "as config_openais; see aisexec-kernel --help");
}

TEST(Options, choose_one_action) {
    EXPECT_EQ(options({"--check-config"}).action, Action::check_config);
    EXPECT_EQ(options({"--list-plugins"}).action, Action::list_plugins);
    EXPECT_THAT(parse({"--list-plugins", "--check-config"}).error().text, HasSubstr("excludes"));
}

TEST(Options, print_version_and_help) {
    const auto version = options({"--version"});
    EXPECT_EQ(version.action, Action::print);
    EXPECT_EQ(version.text.find("aisexec-kernel "), 0U);
    EXPECT_EQ(version.text.back(), '\n');
    const auto help = options({"--help"});
    EXPECT_EQ(help.action, Action::print);
    for (const auto* word : {"--foreground",
                             "--config",
                             "--check-config",
                             "--plugin",
                             "--plugin-dir",
                             "--list-plugins",
                             "--run-dir",
                             "--state-dir",
                             "--embedded",
                             "--version",
                             "--help",
                             "OPENAIS_MAIN_CONFIG_FILE",
                             "OPENAIS_AMF_CONFIG_FILE",
                             "OPENAIS_DEFAULT_CONFIG_IFACE",
                             "OPENAIS_TOTEM_AUTHKEY_FILE",
                             "OPENAIS_RUN_DIR"}) {
        EXPECT_THAT(help.text, HasSubstr(word));
    }
}

TEST(Options, of_embedded_touch_nothing_of_the_host) {
    const auto got = options({"--embedded"});
    EXPECT_TRUE(got.embedded);
    EXPECT_TRUE(got.foreground);
    EXPECT_EQ(got.run_dir, "");
    EXPECT_EQ(got.state_dir, "");
    EXPECT_EQ(options({"--embedded", "--run-dir", "/tmp/r"}).run_dir, "/tmp/r");
    EXPECT_EQ(options({"--embedded"}, {{"OPENAIS_RUN_DIR", "/tmp/e"}}).run_dir, "/tmp/e");
    EXPECT_THAT(parse({"--embedded", "--config", "/x"}).error().text,
                HasSubstr("--config excludes --embedded"));
    EXPECT_EQ(options({"--embedded", "--plugin", "cpg"}).plugins->size(), 1U);
}

TEST(Options, refuse_what_is_unknown_incomplete_or_empty) {
    EXPECT_EQ(parse({"--frobnicate"}).error().text,
              "aisexec-kernel: The following argument was not expected: --frobnicate; see "
              "aisexec-kernel --help");
    EXPECT_FALSE(parse({"stray"}).ok());
    EXPECT_FALSE(parse({"--config"}).ok());
    EXPECT_FALSE(parse({"--config", "a", "--config", "b"}).ok());
    EXPECT_EQ(parse({"--run-dir", ""}).error().text,
              "aisexec-kernel: --run-dir: the name is empty; see aisexec-kernel --help");
}

TEST(Options, refuse_a_run_directory_that_no_socket_fits_into) {
    const std::string path = "/" + std::string(100, 'r');
    EXPECT_THAT(parse({}, {{"OPENAIS_RUN_DIR", path}}).error().text,
                HasSubstr("has a name of 101 bytes; a socket in it may have at most 100"));
}

TEST(Options, work_without_an_environment) {
    const char* argv[] = {"aisexec-kernel"};
    EXPECT_TRUE(parse_options(1, argv, nullptr).ok());
}

TEST(UnknownParser, names_those_that_were_found) {
    Options got;
    got.parser = "config_xml";
    EXPECT_EQ(unknown_parser(got, {"config_openais", "config_ini"}),
              "OPENAIS_DEFAULT_CONFIG_IFACE: there is no parser \"config_xml\"; found: config_ini, "
              "config_openais");
    EXPECT_THAT(unknown_parser(got, {}), HasSubstr("no parser was found at all"));
}

}  // namespace
}  // namespace ais
