// SPDX-License-Identifier: BSD-3-Clause
//
// For tests: nodes with real Groups and Barriers on a bus that stands for the
// ring.  It delivers payloads to all members of a ring in one order, and
// configurations where the test wants them, with the properties of extended
// virtual synchrony: those who leave a ring together have seen the same.
//
// The services of a node are Replicas: sets of words.  A word comes by a
// message, by a merge (union), or by a configuration (so that a replica that
// saw other configurations differs).

#pragma once

#include "group/groups.hpp"
#include "sync/barrier.hpp"

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace ais::sync {

// In parts, a word is in the part that is named after its first letter.
struct Replica {
    std::set<std::string> words;
    bool in_parts = false;
    std::size_t merges = 0;
    std::vector<std::vector<NodeId>> merged_from;  // savers, per merge
    std::size_t own_states = 0;

    // In parts.
    std::map<std::string, std::set<std::string>> prepared;
    bool is_merging = false;
    std::size_t components = 0;  // of the merge that was begun
    std::vector<std::string> parts_saved;
    std::vector<std::string> parts_merged;
    std::size_t aborts = 0;

    [[nodiscard]] std::set<std::string> part(const std::string& name) const;
};

class TestNode final : public group::Receiver, public Participants {
  public:
    TestNode(NodeId self,
             std::vector<std::uint16_t> services,
             Duration compare = Duration::zero(),
             Log& log = null_log());

    // group::Receiver.
    void on_message(NodeId sender, std::uint16_t service, std::uint16_t kind, Bytes body) override;

    // Participants.
    [[nodiscard]] std::vector<std::uint16_t> synchronised_services() const override;
    [[nodiscard]] ais_status save(std::uint16_t service, std::string& out) override;
    [[nodiscard]] ais_status merge(std::uint16_t service,
                                   std::span<const ais_saved_state> states) override;
    [[nodiscard]] bool in_parts(std::uint16_t service) const override;
    [[nodiscard]] ais_status list(std::uint16_t service, std::vector<Part>& out) override;
    [[nodiscard]] ais_status save_part(std::uint16_t service,
                                       const std::string& name,
                                       std::string& out) override;
    [[nodiscard]] ais_status merge_begin(std::uint16_t service,
                                         std::span<const ais_component> components) override;
    [[nodiscard]] ais_status merge_part(std::uint16_t service,
                                        const std::string& name,
                                        std::span<const ais_part_state> states) override;
    [[nodiscard]] ais_status merge_end(std::uint16_t service, bool commit) override;
    void diverged(std::uint16_t service, std::string_view why) override;

    void configure(const totem::Configuration& now);
    // A message of a service: one word.
    ais_status say(std::uint16_t service, const std::string& word);

    // Hears what this node hears of an exchange and does in it, as text (transcripts).
    std::function<void(const std::string&)> tell = [](const std::string&) {};

    NodeId self;
    std::map<std::uint16_t, Replica> replicas;
    std::vector<std::string> delivered;  // words, in order
    std::size_t saves = 0;
    bool fails_to_save = false;
    bool fails_to_merge = false;
    std::string stopped;  // why
    bool sees_configurations = true;
    bool delivered_unsynced = false;
    totem::RingId ring;
    group::Groups groups;
    Barrier barrier;
};

class TestBus {
  public:
    TestNode& add(std::uint32_t id, std::vector<std::uint16_t> services = {1});
    // It has crashed.
    void remove(std::uint32_t id) { nodes_.erase(id); }
    [[nodiscard]] TestNode& operator[](std::uint32_t id) { return *nodes_.at(id); }

    // A new ring of these.  Each group of them that had one ring sees its
    // transitional configuration first.
    void configure(const std::vector<std::uint32_t>& members);

    // The next payload of one node of this ring, delivered to all; false if
    // nobody has one.  `witnesses`: delivered to these only, as at the end of a
    // ring that splits.
    bool step(std::uint32_t any_member);
    bool step(std::uint32_t sender, const std::vector<std::uint32_t>& witnesses);
    // Time passes, and every node has a turn.
    void advance(Duration time);
    // Until nobody in the ring has anything to send; the number of payloads.
    std::size_t run(std::uint32_t any_member);

    // Of the nodes that are added from now on (Barrier).
    Duration compare = Duration::zero();

    // Called with every payload before it is delivered.
    std::function<void(NodeId sender, std::vector<std::uint8_t>& payload)> tamper;

    // All members of the ring are synced and have equal replicas of each
    // service that they have.
    [[nodiscard]] bool is_equal(const std::vector<std::uint32_t>& members);

  private:
    void deliver(std::uint32_t sender, const std::vector<std::uint32_t>& to);
    [[nodiscard]] std::vector<std::uint32_t> ring_of(std::uint32_t id) const;

    std::map<std::uint32_t, std::unique_ptr<TestNode>> nodes_;
    std::uint64_t ring_seq_ = 0;
    std::uint32_t turn_ = 0;
    Instant now_{};
};

}  // namespace ais::sync
