// SPDX-License-Identifier: BSD-3-Clause
//
// Files through a real parser plugin, the kernel's schema and its rules: what
// an operator sees.

#include "config/builder.hpp"
#include "config/schema.hpp"
#include "config/settings.hpp"

#include <ais/abi/plugin.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

extern "C" const ais_plugin ais_plugin_config_openais;
extern "C" const ais_plugin ais_plugin_config_ini;

namespace ais::config {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class PluginParser final : public Parser {
  public:
    explicit PluginParser(const ais_plugin& plugin)
        : plugin_(plugin), table_(*static_cast<const ais_parser_v1*>(plugin.offers[0].table)) {
        EXPECT_EQ(plugin_.load(&host_, &self_), AIS_OK);
    }
    ~PluginParser() override { plugin_.unload(self_); }
    PluginParser(const PluginParser&) = delete;
    PluginParser& operator=(const PluginParser&) = delete;

    [[nodiscard]] std::string_view name() const override { return plugin_.name; }
    [[nodiscard]] std::uint32_t flags() const override { return table_.flags; }
    [[nodiscard]] ais_status parse(const std::string& source,
                                   Bytes text,
                                   const ais_parser_sink& sink) override {
        return table_.parse(self_, source.c_str(), to_abi(text), &sink);
    }

  private:
    const ais_plugin& plugin_;
    ais_parser_v1 table_;
    ais_host host_{sizeof(ais_host), 0, nullptr, nullptr};
    void* self_ = nullptr;
};

std::string read(const std::string& name) {
    std::ifstream file(std::string(AIS_CONF_DIR) + "/" + name);
    EXPECT_TRUE(file) << name;
    std::stringstream buffer;
    buffer << file.rdbuf();
    return buffer.str();
}

std::vector<std::string> said(const ais_plugin& plugin, std::string_view text) {
    PluginParser parser(plugin);
    Findings findings;
    const auto tree = parse(parser, "t", as_bytes(text), findings);
    if (tree) {
        const auto more = check(*tree, kernel_schema());
        findings.insert(findings.end(), more.begin(), more.end());
    }
    std::vector<std::string> lines;
    for (const auto& finding : findings) {
        lines.push_back(to_string(finding, "t"));
    }
    return lines;
}

// The tree without lines, one key per line in order.
void print(const Section& section, const std::string& path, std::string& out) {
    for (const auto& key : section.keys) {
        out += path + key.name + "=" + key.value + "\n";
    }
    for (const auto& child : section.sections) {
        out += path + child.name + "\n";
        print(child, path + child.name + ".", out);
    }
}

std::string printed(const ais_plugin& plugin, const std::string& file) {
    PluginParser parser(plugin);
    Findings findings;
    const auto text = read(file);
    const auto tree = parse(parser, file, as_bytes(text), findings);
    EXPECT_THAT(findings, IsEmpty());
    std::string out;
    if (tree) {
        print(tree->root(), "", out);
    }
    return out;
}

// A commented example with every "#key: value" made active.
std::string uncommented(const std::string& text) {
    std::istringstream in(text);
    std::string out;
    for (std::string line; std::getline(in, line);) {
        const auto mark = line.find_first_not_of(" \t");
        const bool is_example = mark != std::string::npos && line[mark] == '#' &&
                                mark + 1 < line.size() && line[mark + 1] != ' ';
        out += (is_example ? line.erase(mark, 1) : line) + "\n";
    }
    return out;
}

TEST(Conf, example_is_right_as_it_is) {
    EXPECT_THAT(said(ais_plugin_config_openais, read("openais.conf")), IsEmpty());
    EXPECT_THAT(said(ais_plugin_config_ini, read("openais.ini")), IsEmpty());
}

TEST(Conf, both_examples_give_the_same_tree) {
    const auto classic = printed(ais_plugin_config_openais, "openais.conf");
    EXPECT_FALSE(classic.empty());
    EXPECT_EQ(classic, printed(ais_plugin_config_ini, "openais.ini"));
}

TEST(Conf, keys_in_comments_are_right_too) {
    const auto text = uncommented(read("openais.conf"));
    EXPECT_THAT(said(ais_plugin_config_openais, text), IsEmpty()) << text;
    const auto ini = uncommented(read("openais.ini"));
    EXPECT_THAT(said(ais_plugin_config_ini, ini), IsEmpty()) << ini;
}

TEST(Conf, mistakes_are_named_alike_in_both_syntaxes) {
    EXPECT_THAT(
        said(ais_plugin_config_openais,
             "totem {\n  token: 12x\n  interface {\n    mcastaddr: 239.1.1.1\n    mcastport: 1\n  "
             "}\n}\nlogin {\n}\n"),
        ElementsAre(
            "t:2: totem.token: \"12x\" is not a number of milliseconds (10..60000)",
            "t:3: totem.interface: bindnetaddr is missing in the interface section that begins "
            "here; it "
            "is the address of an interface of this node, or its network, such as 192.168.1.0",
            "t:5: totem.interface.mcastport: \"1\" is out of range; allowed is a number (2..65535)",
            "t:8: login: unknown section; did you mean \"logging\"?"));
    EXPECT_THAT(
        said(ais_plugin_config_ini,
             "[totem]\ntoken = 12x\n[totem.interface]\nmcastaddr = 239.1.1.1\nmcastport = "
             "1\n[login]\n"),
        ElementsAre(
            "t:2: totem.token: \"12x\" is not a number of milliseconds (10..60000)",
            "t:3: totem.interface: bindnetaddr is missing in the interface section that begins "
            "here; it "
            "is the address of an interface of this node, or its network, such as 192.168.1.0",
            "t:5: totem.interface.mcastport: \"1\" is out of range; allowed is a number (2..65535)",
            "t:6: login: unknown section; did you mean \"logging\"?"));
}

TEST(Conf, syntax_errors_give_no_tree_and_only_their_own_line) {
    EXPECT_THAT(said(ais_plugin_config_openais, "totem {\n  version: 2\n"),
                ElementsAre("t:1: the section \"totem\" that begins here is not closed: \"}\" is "
                            "missing before the end of "
                            "the file"));
    EXPECT_THAT(said(ais_plugin_config_ini, "[totem\n"),
                ElementsAre("t:1: the header of a section needs a \"]\""));
}

TEST(Conf, several_interfaces_come_through_an_ini_file) {
    PluginParser parser(ais_plugin_config_ini);
    Findings findings;
    auto tree = parse(
        parser,
        "t",
        as_bytes(
            "[totem]\n[totem.interface]\nringnumber=1\nbindnetaddr=10.1.0.0\nmcastaddr=239.1.1.2\n"
            "[totem.interface]\nbindnetaddr=10.0.0.0\nmcastaddr=239.1.1.1\n"),
        findings);
    ASSERT_TRUE(tree);
    EXPECT_FALSE(has_errors(check(*tree, kernel_schema())));
    fill_defaults(*tree, kernel_schema());
    const auto settings = make_settings(*tree);
    ASSERT_TRUE(settings.ok()) << settings.error().text;
    ASSERT_EQ(settings->totem.interfaces.size(), 2U);
    EXPECT_EQ(to_string(settings->totem.interfaces[0].bind), "10.0.0.0");
    EXPECT_EQ(to_string(settings->totem.interfaces[1].bind), "10.1.0.0");
}

}  // namespace
}  // namespace ais::config
