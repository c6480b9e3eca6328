// SPDX-License-Identifier: BSD-3-Clause
//
// One checkpoint: sections, sizes, atomic writes, reads, ids, pages.

#include "checkpoint.hpp"

#include "test_support.hpp"

#include <gtest/gtest.h>

#include <random>
#include <set>

namespace ais::ckpt {
namespace {

const Expiration never;

Checkpoint with_sections(std::initializer_list<const char*> ids,
                         const Attributes& attributes = attributes_of(wr_all_replicas)) {
    Checkpoint checkpoint("c", attributes, 1);
    for (const char* id : ids) {
        EXPECT_EQ(checkpoint.create(data_of(id, "0123456789"), never, 1, 1).error, Error::ok);
    }
    return checkpoint;
}
Outcome write(Checkpoint& checkpoint, std::vector<Data> all) {
    return checkpoint.write(all, 5);
}
std::vector<std::string> read(const Checkpoint& checkpoint,
                              std::vector<ReadElement> all,
                              Error expected = Error::ok) {
    std::vector<View> views;
    EXPECT_EQ(checkpoint.read(all, views).error, expected);
    std::vector<std::string> texts;
    for (const View& view : views) {
        texts.emplace_back(as_text(view.bytes));
    }
    return texts;
}

TEST(Checkpoint, default_section_is_there_and_stays) {
    Checkpoint checkpoint("c", attributes_of(wr_all_replicas, 1), 1);
    EXPECT_EQ(checkpoint.status().sections, 1U);
    EXPECT_EQ(checkpoint.create(data_of("x", ""), never, 1, 1).error, Error::exist);
    EXPECT_EQ(checkpoint.create(data_of("", ""), never, 1, 1).error, Error::exist);
    EXPECT_EQ(checkpoint.remove("").error, Error::invalid_param);
    EXPECT_EQ(checkpoint.set_expiration("", {9, 9}, 1).error, Error::invalid_param);
    EXPECT_EQ(write(checkpoint, {data_of("", "abc")}).error, Error::ok);
    EXPECT_EQ(checkpoint.overwrite(data_of("", "xy"), 1).error, Error::ok);
    EXPECT_EQ(text_of(checkpoint, ""), "xy");
    EXPECT_EQ(checkpoint.status().used, 2U);
}

TEST(Checkpoint, create_says_what_is_wrong) {
    Checkpoint checkpoint = with_sections({"a", "b"}, attributes_of(wr_all_replicas, 3));
    EXPECT_EQ(checkpoint.create(data_of("a", ""), never, 1, 1).error, Error::exist);
    EXPECT_EQ(checkpoint.create(data_of(std::string(17, 'x'), ""), never, 1, 1).error,
              Error::invalid_param);
    EXPECT_EQ(checkpoint.create(data_of("c", std::string(101, 'x')), never, 1, 1).error,
              Error::invalid_param);
    EXPECT_EQ(checkpoint.create(data_of("c", ""), {5, 0}, 1, 1).error, Error::invalid_param);
    EXPECT_EQ(checkpoint.create(data_of("c", std::string(100, 'x')), never, 1, 1).error, Error::ok);
    EXPECT_EQ(checkpoint.create(data_of("d", ""), never, 1, 1).error, Error::no_space);
    EXPECT_EQ(checkpoint.create(data_of("a", ""), never, 1, 1).error, Error::exist);
}

TEST(Checkpoint, total_is_bounded_by_its_size) {
    Attributes attributes = attributes_of(wr_all_replicas);
    attributes.size = 25;
    Checkpoint checkpoint = with_sections({"a", "b"}, attributes);
    EXPECT_EQ(checkpoint.create(data_of("c", "123456"), never, 1, 1).error, Error::no_space);
    EXPECT_EQ(checkpoint.create(data_of("c", "12345"), never, 1, 1).error, Error::ok);
    const Outcome grown = write(checkpoint, {data_of("a", "x"), data_of("b", "y", 10)});
    EXPECT_EQ(grown.error, Error::no_space);
    EXPECT_EQ(grown.index, 1U);
    EXPECT_EQ(text_of(checkpoint, "a"), "0123456789");
    EXPECT_EQ(checkpoint.overwrite(data_of("c", "123456"), 1).error, Error::no_space);
    EXPECT_EQ(checkpoint.remove("c").error, Error::ok);
    EXPECT_EQ(write(checkpoint, {data_of("a", "x"), data_of("b", "y", 10)}).error, Error::ok);
    EXPECT_EQ(checkpoint.used, 21U);
}

TEST(Checkpoint, gap_of_a_write_reads_as_zero) {
    Checkpoint checkpoint = with_sections({"a"});
    EXPECT_EQ(write(checkpoint, {data_of("a", "abcdefghij", 50)}).error, Error::ok);
    const std::string all = read(checkpoint, {{"a", 0, 60}}).front();
    ASSERT_EQ(all.size(), 60U);
    EXPECT_EQ(all.substr(10, 40), std::string(40, '\0'));
    EXPECT_EQ(all.substr(50), "abcdefghij");
    EXPECT_EQ(checkpoint.used, 60U);
}

TEST(Checkpoint, write_changes_nothing_if_one_element_is_wrong) {
    Checkpoint checkpoint = with_sections({"a"});
    const Outcome absent = write(checkpoint, {data_of("a", "zz"), data_of("nobody", "z")});
    EXPECT_EQ(absent.error, Error::not_exist);
    EXPECT_EQ(absent.index, 1U);
    const Outcome beyond = write(checkpoint, {data_of("a", "zz"), data_of("a", "0123456789", 95)});
    EXPECT_EQ(beyond.error, Error::invalid_param);
    EXPECT_EQ(beyond.index, 1U);
    EXPECT_EQ(write(checkpoint, {data_of("a", "x", ~std::uint64_t{0})}).error,
              Error::invalid_param);
    EXPECT_EQ(write(checkpoint, {data_of("a", "")}).error, Error::invalid_param);
    EXPECT_EQ(text_of(checkpoint, "a"), "0123456789");
    EXPECT_EQ(checkpoint.find("a")->last_update, 1);
}

TEST(Checkpoint, elements_of_one_write_follow_each_other) {
    Checkpoint checkpoint = with_sections({"a"});
    EXPECT_EQ(write(checkpoint, {data_of("a", "AAAA", 8), data_of("a", "B", 9)}).error, Error::ok);
    EXPECT_EQ(text_of(checkpoint, "a"), "01234567ABAA");
    EXPECT_EQ(checkpoint.used, 12U);
    EXPECT_EQ(checkpoint.find("a")->last_update, 5);
}

TEST(Checkpoint, read_takes_what_is_there) {
    const Checkpoint checkpoint = with_sections({"a", "b"});
    EXPECT_EQ(read(checkpoint, {{"a", 5, 95}}).front(), "56789");
    EXPECT_EQ(read(checkpoint, {{"a", 10, 5}}).front(), "");
    EXPECT_EQ(read(checkpoint, {{"a", 2, ReadElement::rest}}).front(), "23456789");
    EXPECT_EQ(read(checkpoint, {{"a", 0, 0}}).front(), "");
    read(checkpoint, {{"a", 11, 1}}, Error::invalid_param);
    read(checkpoint, {{"a", 5, 96}}, Error::invalid_param);
    read(checkpoint, {{"a", 0, 101}}, Error::invalid_param);
    read(checkpoint, {{"nobody", 0, 1}}, Error::not_exist);
    std::vector<View> views;
    const std::vector<ReadElement> all = {{"b", 0, 2}, {"nobody", 0, 1}};
    EXPECT_EQ(checkpoint.read(all, views).index, 1U);
    EXPECT_TRUE(views.empty());
}

TEST(Checkpoint, what_was_read_stays_as_it_was) {
    Checkpoint checkpoint = with_sections({"a"});
    std::vector<View> views;
    const std::vector<ReadElement> all = {{"a", 0, 10}};
    ASSERT_EQ(checkpoint.read(all, views).error, Error::ok);
    write(checkpoint, {data_of("a", "xxxxx")});
    EXPECT_EQ(as_text(views[0].bytes), "0123456789");
    checkpoint.overwrite(data_of("a", "y"), 1);
    checkpoint.remove("a");
    EXPECT_EQ(as_text(views[0].bytes), "0123456789");
}

TEST(Checkpoint, collocated_one_answers_only_with_an_active_replica) {
    Checkpoint checkpoint("c", attributes_of(wr_active_replica | collocated, 1), 1);
    EXPECT_FALSE(checkpoint.has_active_replica());
    EXPECT_EQ(write(checkpoint, {data_of("", "x")}).error, Error::not_exist);
    EXPECT_EQ(checkpoint.overwrite(data_of("", "x"), 1).error, Error::not_exist);
    read(checkpoint, {{"", 0, 0}}, Error::not_exist);
    checkpoint.active_node = 3;
    EXPECT_EQ(write(checkpoint, {data_of("", "x")}).error, Error::ok);
    EXPECT_TRUE(Checkpoint("c", attributes_of(wr_active_replica), 1).has_active_replica());
    EXPECT_TRUE(
        Checkpoint("c", attributes_of(wr_all_replicas | collocated), 1).has_active_replica());
}

TEST(Checkpoint, generated_ids_are_new_and_short_enough) {
    Attributes attributes = attributes_of(wr_all_replicas, 100);
    attributes.max_id_size = 1;
    Checkpoint checkpoint("c", attributes, 1);
    std::set<std::string> ids;
    for (int i = 0; i < 62; ++i) {  // all there are of one byte
        const Outcome outcome = checkpoint.create(data_of("", ""), never, 1, 1);
        ASSERT_EQ(outcome.error, Error::ok);
        EXPECT_EQ(outcome.id.size(), 1U);
        EXPECT_TRUE(ids.insert(outcome.id).second);
    }
    EXPECT_EQ(checkpoint.create(data_of("", ""), never, 1, 1).error, Error::no_space);
    checkpoint.remove("k");
    EXPECT_EQ(checkpoint.create(data_of("", ""), never, 1, 1).id, "k");
}

TEST(Checkpoint, generated_id_avoids_those_of_applications) {
    Checkpoint checkpoint = with_sections({"0", "1", "2"});
    EXPECT_EQ(checkpoint.create(data_of("", ""), never, 1, 1).id, "3");
}

TEST(Checkpoint, pages_choose_by_expiration_and_state) {
    Checkpoint checkpoint = with_sections({"a", "b", "c"});
    checkpoint.set_expiration("b", {100, 1}, 1);
    checkpoint.set_expiration("c", {200, 1}, 1);
    checkpoint.find("a")->state = SectionState::corrupted;
    const auto ids = [&](Chosen chosen, std::int64_t expiration) {
        std::string all;
        for (const Descriptor& section :
             checkpoint.page({1, chosen, expiration, false, {}}).sections) {
            all += section.id;
        }
        return all;
    };
    EXPECT_EQ(ids(Chosen::any, 0), "abc");
    EXPECT_EQ(ids(Chosen::forever, 0), "a");
    EXPECT_EQ(ids(Chosen::at_most, 100), "b");
    EXPECT_EQ(ids(Chosen::at_most, 99), "");
    EXPECT_EQ(ids(Chosen::at_least, 200), "ac");
    EXPECT_EQ(ids(Chosen::corrupted, 0), "a");
}

TEST(Checkpoint, pages_go_on_after_the_last_one_and_find_all) {
    Attributes attributes = attributes_of(wr_all_replicas, 5000);
    Checkpoint checkpoint("c", attributes, 1);
    for (int i = 0; i < 3000; ++i) {
        checkpoint.create(data_of("", ""), never, 1, 1);
    }
    std::set<std::string> seen;
    Iterate wanted;
    std::string last;
    for (bool more = true; more;) {
        const Page page = checkpoint.page(wanted);
        more = page.more;
        for (const Descriptor& section : page.sections) {
            EXPECT_TRUE(seen.insert(section.id).second);
        }
        last = page.sections.back().id;
        wanted.has_after = true;
        wanted.after = last;
        // Others come and go meanwhile.
        checkpoint.create(data_of("", ""), never, 1, 1);
    }
    EXPECT_GE(seen.size(), 3000U);
}

// Against a model that is a map of strings.
TEST(Checkpoint, random_operations_agree_with_a_simple_model) {
    for (std::uint32_t seed = 1; seed <= 30; ++seed) {
        std::mt19937 random(seed);
        Attributes attributes = attributes_of(wr_all_replicas, 4, 50);
        attributes.size = 120;
        Checkpoint checkpoint("c", attributes, 1);
        std::map<std::string, std::string> model;
        const auto used = [&] {
            std::size_t sum = 0;
            for (const auto& [id, bytes] : model) {
                sum += bytes.size();
            }
            return sum;
        };
        for (int step = 0; step < 500; ++step) {
            const std::string id(1, static_cast<char>('a' + random() % 6));
            const std::string bytes(random() % 60, static_cast<char>('A' + random() % 26));
            const std::size_t offset = random() % 40;
            const auto there = model.find(id);
            switch (random() % 4) {
                case 0: {
                    const bool fits = bytes.size() <= 50 && there == model.end() &&
                                      model.size() < 4 && used() + bytes.size() <= 120;
                    const auto outcome = checkpoint.create(data_of(id, bytes), never, 1, 1);
                    ASSERT_EQ(outcome.error == Error::ok, fits) << seed;
                    if (fits) {
                        model[id] = bytes;
                    }
                    break;
                }
                case 1: {
                    const std::size_t end = offset + bytes.size();
                    bool fits = there != model.end() && !bytes.empty() && end <= 50;
                    if (fits) {
                        std::string after = there->second;
                        after.resize(std::max(after.size(), end));
                        after.replace(offset, bytes.size(), bytes);
                        fits = used() - there->second.size() + after.size() <= 120;
                        if (fits) {
                            there->second = after;
                        }
                    }
                    const Outcome outcome = write(checkpoint, {data_of(id, bytes, offset)});
                    ASSERT_EQ(outcome.error == Error::ok, fits) << seed;
                    break;
                }
                case 2: {
                    const bool fits = there != model.end() && bytes.size() <= 50 &&
                                      used() - there->second.size() + bytes.size() <= 120;
                    ASSERT_EQ(checkpoint.overwrite(data_of(id, bytes), 1).error == Error::ok, fits);
                    if (fits) {
                        there->second = bytes;
                    }
                    break;
                }
                default:
                    ASSERT_EQ(checkpoint.remove(id).error == Error::ok, model.erase(id) == 1);
            }
            ASSERT_EQ(checkpoint.used, used()) << seed;
            ASSERT_EQ(checkpoint.sections.size(), model.size());
            for (const auto& [name, content] : model) {
                ASSERT_EQ(text_of(checkpoint, name), content) << seed;
            }
        }
    }
}

}  // namespace
}  // namespace ais::ckpt
