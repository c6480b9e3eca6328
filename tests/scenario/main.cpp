// SPDX-License-Identifier: BSD-3-Clause
//
// ais-scenario [--rewrite] FILE...: plays transcripts.
//
// A transcript is a sequence of blocks, separated by empty lines: comments
// (#), commands, a line "----", and what happened.  --rewrite puts the present answers in; the diff
// is what is reviewed.

#include "scenario/commands.hpp"
#include "scenario/sync_stage.hpp"

#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <sstream>

namespace {

struct Played {
    std::string text;  // the transcript with the answers of today
    std::string differences;
    bool failed = false;
};

// Which stage a file wants is said by where it is: kernel/X/scenarios.
std::unique_ptr<ais::scenario::Stage> stage_of(const std::string& name) {
    if (std::filesystem::absolute(name).parent_path().parent_path().filename() == "sync") {
        return std::make_unique<ais::scenario::SyncStage>();
    }
    return std::make_unique<ais::scenario::TotemStage>();
}

Played play(std::istream& from, const std::string& name) {
    const std::unique_ptr<ais::scenario::Stage> stage = stage_of(name);
    Played played;
    std::ostringstream messages;
    std::string answer;
    std::string expected;
    bool in_answer = false;
    std::size_t line_number = 0;
    std::size_t begin = 0;
    const auto close = [&] {
        answer += stage->take_seen();
        if (in_answer) {
            answer += stage->check();
            if (answer != expected) {
                played.failed = true;
                messages << name << ':' << begin << ": expected\n"
                         << expected << "but it was\n"
                         << answer << '\n';
            }
            played.text += answer;
        } else if (!answer.empty()) {
            // A block without an expectation must be silent.
            played.failed = true;
            played.text += "----\n" + answer;
            messages << name << ':' << line_number << ": not expected\n" << answer << '\n';
        }
        answer.clear();
        expected.clear();
        in_answer = false;
    };
    for (std::string line; std::getline(from, line);) {
        ++line_number;
        if (line.empty()) {
            close();
            played.text += '\n';
        } else if (in_answer) {
            expected += line + '\n';
        } else if (line == "----") {
            in_answer = true;
            begin = line_number;
            played.text += line + '\n';
        } else {
            played.text += line + '\n';
            if (line[0] != '#') {
                answer += stage->run(line);
            }
        }
    }
    close();
    played.differences = messages.str();
    return played;
}

}  // namespace

int main(int argc, char** argv) {
    bool rewrite = false;
    bool failed = false;
    for (int i = 1; i < argc; ++i) {
        if (std::strcmp(argv[i], "--rewrite") == 0) {
            rewrite = true;
            continue;
        }
        std::ifstream file(argv[i]);
        if (!file) {
            std::cerr << argv[i] << ": cannot be read\n";
            return 2;
        }
        const Played played = play(file, argv[i]);
        file.close();
        if (rewrite) {
            std::ofstream(argv[i]) << played.text;
            continue;
        }
        std::cerr << played.differences;
        failed = failed || played.failed;
    }
    return failed ? 1 : 0;
}
