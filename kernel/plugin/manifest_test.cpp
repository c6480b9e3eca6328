// SPDX-License-Identifier: BSD-3-Clause

#include "plugin/manifest.hpp"

#include <ais/abi/config.h>
#include <ais/abi/crypto.h>
#include <ais/abi/draft/bulk.h>
#include <ais/abi/parser.h>
#include <ais/abi/quorum.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>

namespace ais::plugin {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

ais_status load(const ais_host*, void**) {
    return AIS_OK;
}
void unload(void*) {}
void deliver(void*, ais_node_id, std::uint16_t, ais_bytes) {}
ais_status save(void*, const ais_writer*) {
    return AIS_OK;
}
ais_status client_open(void*, ais_conn*, ais_bytes) {
    return AIS_OK;
}

constexpr const char* two_needs[] = {"ais.group/1", "com.acme.clock/12", nullptr};
constexpr std::uint32_t any_table = 4;

ais_plugin plain(const char* name = "thing") {
    return {AIS_ABI_MAJOR, sizeof(ais_plugin), name, "1.0", nullptr, nullptr, &load, &unload};
}

std::string refusal(const ais_plugin& plugin, std::string_view stem = "thing") {
    const auto manifest = read_manifest(plugin);
    if (!manifest) {
        return manifest.error().text;
    }
    const auto result = check(*manifest, stem);
    return result ? "" : result.error().text;
}

TEST(Manifest, is_read_and_accepted) {
    ais_plugin plugin = plain();
    const ais_interface offers[] = {{"com.acme.thing/1", &any_table}, {nullptr, nullptr}};
    plugin.needs = two_needs;
    plugin.offers = offers;
    const auto manifest = read_manifest(plugin);
    ASSERT_TRUE(manifest);
    EXPECT_EQ(manifest->name, "thing");
    EXPECT_EQ(manifest->version, "1.0");
    EXPECT_THAT(manifest->needs, ElementsAre("ais.group/1", "com.acme.clock/12"));
    EXPECT_THAT(manifest->offers, ElementsAre("com.acme.thing/1"));
    EXPECT_TRUE(check(*manifest, "thing"));
    EXPECT_TRUE(check(*manifest, ""));
    EXPECT_TRUE(check_tables(plugin));
}

TEST(Manifest, of_another_major_is_not_read_any_further) {
    ais_plugin plugin = plain();
    plugin.abi_major = 2;
    plugin.name = reinterpret_cast<const char*>(8);  // not a pointer in that layout
    EXPECT_THAT(refusal(plugin), HasSubstr("built for plugin ABI 2, this kernel has 1"));
}

TEST(Manifest, shorter_than_the_first_release_is_refused) {
    ais_plugin plugin = plain();
    plugin.struct_size = offsetof(ais_plugin, unload);
    EXPECT_THAT(refusal(plugin), HasSubstr("the first release has 56"));
}

TEST(Manifest, longer_than_ours_is_accepted_and_its_tail_ignored) {
    struct {
        ais_plugin plugin;
        std::uint64_t later = ~0ULL;
    } later{plain(), ~0ULL};
    later.plugin.struct_size = sizeof later;
    EXPECT_EQ(refusal(later.plugin), "");
    EXPECT_EQ(copy_plugin(later.plugin).unload, &unload);
}

TEST(Manifest, name_is_legal_and_equal_to_the_stem_of_the_file) {
    EXPECT_THAT(refusal(plain("thing"), "other"), HasSubstr("name the file 'thing.so'"));
    for (const char* name : {"",
                             "Thing",
                             "1thing",
                             "_thing",
                             "a-b",
                             "a.b",
                             "../etc",
                             "th\ning",
                             "abcdefghijklmnopqrstuvwxyz012345"}) {
        EXPECT_FALSE(is_legal_name(name)) << name;
        EXPECT_THAT(refusal(plain(name), name), HasSubstr("is not [a-z]")) << name;
    }
    EXPECT_TRUE(is_legal_name("a"));
    EXPECT_TRUE(is_legal_name("abcdefghijklmnopqrstuvwxyz01234"));
    EXPECT_THAT(refusal(plain(nullptr)), HasSubstr("has no name"));
}

TEST(Manifest, version_is_printable_text) {
    ais_plugin plugin = plain();
    for (const char* version : {"", "1\n2", "\x1b[31m"}) {
        plugin.version = version;
        EXPECT_THAT(refusal(plugin), HasSubstr("version")) << version;
    }
    plugin.version = nullptr;
    EXPECT_THAT(refusal(plugin), HasSubstr("no version"));
    const std::string endless(1000, 'v');
    plugin.version = endless.c_str();
    EXPECT_THAT(refusal(plugin), HasSubstr("127"));
}

TEST(Manifest, ids_of_interfaces_are_legal_and_different) {
    for (const char* id : {"ais.group/1", "com.acme.thing/12345", "a.b-c_d/1"}) {
        EXPECT_TRUE(is_legal_interface(id)) << id;
    }
    for (const char* id : {"",
                           "ais.group",
                           "group/1",
                           "ais.group/",
                           "ais.group/0",
                           "ais.group/01",
                           "ais.group/x",
                           "Ais.group/1",
                           "ais.group/123456",
                           "ais group/1",
                           "/1"}) {
        EXPECT_FALSE(is_legal_interface(id)) << id;
    }
    ais_plugin plugin = plain();
    const char* const illegal[] = {"nonsense", nullptr};
    plugin.needs = illegal;
    EXPECT_THAT(refusal(plugin), HasSubstr("it needs 'nonsense', which is no interface id"));
    const char* const twice[] = {"a.b/1", "a.b/1", nullptr};
    plugin.needs = twice;
    EXPECT_THAT(refusal(plugin), HasSubstr("it needs a.b/1 twice"));
}

TEST(Manifest, endless_lists_end) {
    std::vector<const char*> needs(10000, "a.b/1");
    ais_plugin plugin = plain();
    plugin.needs = needs.data();
    EXPECT_THAT(refusal(plugin), HasSubstr("more than 64"));
}

TEST(Manifest, needs_load_and_unload_and_tables) {
    ais_plugin plugin = plain();
    plugin.unload = nullptr;
    EXPECT_THAT(refusal(plugin), HasSubstr("no load or no unload"));
    plugin = plain();
    const ais_interface no_table[] = {{"a.b/1", nullptr}, {nullptr, nullptr}};
    plugin.offers = no_table;
    EXPECT_THAT(refusal(plugin), HasSubstr("'a.b/1' without a table"));
    const std::uint32_t zero = 0;
    const ais_interface no_size[] = {{"a.b/1", &zero}, {nullptr, nullptr}};
    plugin.offers = no_size;
    EXPECT_THAT(check_tables(plugin).error().text, HasSubstr("does not begin with its size"));
}

std::string table_refusal(const char* id, const void* table) {
    ais_plugin plugin = plain();
    const ais_interface offers[] = {{id, table}, {nullptr, nullptr}};
    plugin.offers = offers;
    const auto result = check_tables(plugin);
    return result ? "" : result.error().text;
}

TEST(Tables, of_a_service_are_complete) {
    ais_service_v1 service{};
    service.struct_size = sizeof service;
    service.service_id = 100;
    EXPECT_THAT(table_refusal("ais.service/1", &service), HasSubstr("no deliver"));
    service.deliver = &deliver;
    EXPECT_EQ(table_refusal("ais.service/1", &service), "");
    for (const int id : {0, 1024, 65535}) {
        service.service_id = static_cast<std::uint16_t>(id);
        EXPECT_THAT(table_refusal("ais.service/1", &service), HasSubstr("1 to 1023"));
    }
    service.service_id = 1;
    service.save = &save;
    EXPECT_THAT(table_refusal("ais.service/1", &service), HasSubstr("one of save and merge"));
    // What lies behind struct_size is not there.
    service.struct_size = offsetof(ais_service_v1, save);
    EXPECT_EQ(table_refusal("ais.service/1", &service), "");
    service.client_open = &client_open;
    EXPECT_THAT(table_refusal("ais.service/1", &service), HasSubstr("only some of request"));
}

TEST(Tables, of_bulk_have_what_it_is_for) {
    ais_service_bulk_v1 bulk = {sizeof bulk, 0, nullptr, 0};
    EXPECT_THAT(table_refusal("ais.service.bulk/1", &bulk), HasSubstr("neither deliver_pieces"));
    bulk.opaque_requests = 2;
    EXPECT_EQ(table_refusal("ais.service.bulk/1", &bulk), "");
}

TEST(Tables, of_backends_are_complete) {
    ais_crypto_v1 crypto{};
    crypto.struct_size = sizeof crypto;
    EXPECT_THAT(table_refusal("ais.crypto/1", &crypto), HasSubstr("ais.crypto/1 is not complete"));
    const ais_parser_v1 parser = {sizeof parser, 0, nullptr};
    EXPECT_THAT(table_refusal("ais.config.parser/1", &parser), HasSubstr("no parse"));
    const ais_quorum_v1 quorum = {sizeof quorum, 0, nullptr};
    EXPECT_THAT(table_refusal("ais.quorum/1", &quorum), HasSubstr("no is_primary"));
}

TEST(Tables, of_a_schema_have_readable_keys) {
    ais_config_key key{};
    key.section = "a";
    key.type = AIS_KEY_CHOICE;
    ais_config_schema_v1 schema = {sizeof schema, 1, sizeof key, 0, &key};
    EXPECT_THAT(table_refusal("ais.config.schema/1", &schema), HasSubstr("without a name"));
    key.key = "b";
    EXPECT_THAT(table_refusal("ais.config.schema/1", &schema), HasSubstr("no choices for 'a.b'"));
    key.choices = "x|y";
    EXPECT_EQ(table_refusal("ais.config.schema/1", &schema), "");
    schema.key_size = 8;
    EXPECT_THAT(table_refusal("ais.config.schema/1", &schema), HasSubstr("no readable keys"));
}

}  // namespace
}  // namespace ais::plugin
