// SPDX-License-Identifier: BSD-3-Clause
//
// Start and end of plugins, with constants that are linked in.

#include "plugin/instance.hpp"

#include "plugin/fake_kernel_test.hpp"
#include "plugin/registry.hpp"

#include <ais/host.hpp>
#include <ais/service.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ais::plugin {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Says when it comes and goes.
class Noisy {
  public:
    static constexpr std::uint16_t service_id = 91;
    explicit Noisy(const ais_host& host) : log_(host) { log_.notice("", "in"); }
    ~Noisy() { log_.notice("", "out"); }
    void deliver(ais_node_id, std::uint16_t, Bytes) {}

  private:
    ais::host::Log log_;
};

// Offers an interface to other plugins …
struct EchoTable {
    std::uint32_t struct_size;
    std::uint32_t reserved;
    int (*twice)(void* self, int value);
};
class Echo;
int echo_twice(void* self, int value);
constexpr EchoTable echo_table = {sizeof(EchoTable), 0, &echo_twice};
class Echo {
  public:
    static constexpr ais_interface more_offers[] = {{"com.acme.echo/1", &echo_table}};
    explicit Echo(const ais_host&) {}
    int calls = 0;
};
int echo_twice(void* self, int value) {
    return 2 * value + 100 * ais::instance<Echo>(self).calls++;
}

// … and one that uses it.
class User {
  public:
    static constexpr std::uint16_t service_id = 92;
    explicit User(const ais_host& host) {
        const auto echo = ais::host::require<EchoTable>(host, "com.acme.echo/1");
        void* self = host.find_self(&host, "com.acme.echo/1");
        const int first = echo.twice(self, 4);
        const int second = echo.twice(self, 4);
        ais::host::Log(host).notice("", first, " ", second);
    }
    void deliver(ais_node_id, std::uint16_t, Bytes) {}
};

ais_status refuse(const ais_host* host, void**) {
    host->log(host, AIS_LOG_ERROR, "BAD-001", to_abi(std::string_view("no licence")));
    return AIS_ERR_DENIED;
}
ais_status throw_across(const ais_host*, void**) {
    throw std::runtime_error("oops");
}
ais_status nonsense(const ais_host*, void**) {
    return -17;
}
void never(void*) {
    ADD_FAILURE() << "unload after a failed load";
}

constexpr const char* echo_need[] = {"com.acme.echo/1", nullptr};
constexpr ais_plugin noisy_a = describe<Noisy>("noisy_a", "1");
constexpr ais_plugin noisy_b = describe<Noisy>("noisy_b", "1");
constexpr ais_plugin zecho = describe<Echo>("zecho", "2.1");
constexpr ais_plugin user = describe<User>("user", "1", echo_need);
constexpr ais_plugin refusing = {
    1, sizeof(ais_plugin), "refusing", "1", nullptr, nullptr, &refuse, &never};
constexpr ais_plugin throwing = {
    1, sizeof(ais_plugin), "throwing", "1", nullptr, nullptr, &throw_across, &never};
constexpr ais_plugin mad = {1, sizeof(ais_plugin), "mad", "1", nullptr, nullptr, &nonsense, &never};

std::string start_error(const ais_plugin& plugin, TestKernel& kernel) {
    const Chosen chosen[] = {{&noisy_a, {}}, {&plugin, {}}, {&noisy_b, {}}};
    const auto result = Plugins::start(chosen, kernel.kernel);
    return result ? "" : result.error().text;
}

TEST(Plugins, load_in_order_and_unload_in_reverse) {
    TestKernel kernel;
    const Chosen chosen[] = {{&noisy_b, {}}, {&noisy_a, {}}};
    {
        const auto plugins = Plugins::start(chosen, kernel.kernel);
        ASSERT_TRUE(plugins);
        EXPECT_EQ((*plugins)->all().size(), 2U);
        EXPECT_EQ((*plugins)->find("noisy_b")->name(), "noisy_b");
        EXPECT_EQ((*plugins)->find("other"), nullptr);
        EXPECT_EQ((*plugins)->offering("ais.service/1").size(), 2U);
        EXPECT_THAT((*plugins)->find("noisy_a")->describe(), HasSubstr("load: 1 calls"));
    }
    EXPECT_THAT(kernel.log.lines,
                ElementsAre("noisy_a  in",
                            "plugin PLUGIN-001 loaded plugin 'noisy_a' version 1",
                            "noisy_b  in",
                            "plugin PLUGIN-001 loaded plugin 'noisy_b' version 1",
                            "noisy_b  out",
                            "noisy_a  out"));
}

TEST(Plugins, that_do_not_load_take_those_before_them_along) {
    TestKernel kernel;
    EXPECT_THAT(start_error(refusing, kernel),
                HasSubstr("plugin 'refusing' does not start (status 7)"));
    EXPECT_TRUE(kernel.log.has("refusing BAD-001 no licence"));
    EXPECT_EQ(kernel.log.lines.back(), "noisy_a  out");
    EXPECT_THAT(start_error(throwing, kernel), HasSubstr("its load threw 'oops' across the ABI"));
    EXPECT_THAT(start_error(mad, kernel), HasSubstr("plugin 'mad' does not start (status 10)"));
    EXPECT_THAT(start_error(noisy_a, kernel), HasSubstr("chosen twice"));
    EXPECT_THAT(start_error(user, kernel), HasSubstr("'user' needs com.acme.echo/1"));
}

TEST(Plugins, reach_each_other_through_named_interfaces_only) {
    TestKernel kernel;
    const Chosen chosen[] = {{&user, {}}, {&zecho, {}}};
    const auto plugins = Plugins::start(chosen, kernel.kernel);
    ASSERT_TRUE(plugins) << plugins.error().text;
    EXPECT_EQ((*plugins)->all().front()->name(), "zecho");
    EXPECT_TRUE(kernel.log.has("user  8 108"));
}

TEST(Plugins, of_two_kernels_do_not_meet) {
    TestKernel one;
    TestKernel two;
    const Chosen chosen[] = {{&user, {}}, {&zecho, {}}};
    const auto first = Plugins::start(chosen, one.kernel);
    const auto second = Plugins::start(chosen, two.kernel);
    ASSERT_TRUE(first && second);
    EXPECT_TRUE(one.log.has("user  8 108"));
    EXPECT_TRUE(two.log.has("user  8 108"));
    EXPECT_NE((*first)->find("zecho")->self(), (*second)->find("zecho")->self());
}

TEST(Registry, lists_and_starts_static_plugins_and_helps_with_names) {
    TestKernel kernel;
    Registry registry;
    const std::string absent[] = {"/nonexistent/plugins"};
    registry.scan(absent);
    for (const ais_plugin* plugin : {&user, &zecho, &noisy_a}) {
        registry.add_static(*plugin);
    }
    EXPECT_THAT(registry.names(), ElementsAre("noisy_a", "user", "zecho"));
    EXPECT_THAT(registry.names_offering("ais.service/1"), ElementsAre("noisy_a", "user"));
    EXPECT_THAT(registry.list(), HasSubstr("zecho    2.1      com.acme.echo/1"));
    EXPECT_THAT(registry.list(),
                HasSubstr("note: plugin directory '/nonexistent/plugins': No such"));
    const std::string good[] = {"user", "zecho", "user"};
    EXPECT_TRUE(registry.start(good, kernel.kernel));
    const std::string typo[] = {"usr"};
    EXPECT_EQ(registry.start(typo, kernel.kernel).error().text,
              "no plugin is named 'usr'; there are noisy_a, user, zecho");
    const std::string alone[] = {"user"};
    EXPECT_THAT(registry.start(alone, kernel.kernel).error().text,
                HasSubstr("; plugin 'zecho' offers it: choose it, too"));
}

}  // namespace
}  // namespace ais::plugin
