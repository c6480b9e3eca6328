// SPDX-License-Identifier: BSD-3-Clause
//
// What a transcript is played on.  Each kernel folder that has transcripts has a stage: commands
// that act, and what was seen then.

#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace ais::scenario {

class Stage {
  public:
    virtual ~Stage() = default;
    // Runs one command line; text that begins with "error:" says what is wrong with it.
    virtual std::string run(std::string_view line) = 0;
    // What happened since the last call.
    virtual std::string take_seen() = 0;
    // What must hold always and does not.
    virtual std::string check() = 0;
};

// What nodes saw; those that saw the same are named together: "1,2: deliver 3 safe hello".
class Seen {
  public:
    void add(std::uint32_t node, std::string event) { seen_[node].push_back(std::move(event)); }
    std::string take();

  private:
    std::map<std::uint32_t, std::vector<std::string>> seen_;
};

}  // namespace ais::scenario
