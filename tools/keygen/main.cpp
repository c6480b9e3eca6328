// SPDX-License-Identifier: BSD-3-Clause
//
// ais-keygen: gather a 1024-bit key and write it to the file that every node
// of a ring needs.
//
// What it prints is what openais printed, so that the manuals people have stay
// true.  getrandom(2) with GRND_RANDOM is the source behind /dev/random.

#include "key_file.hpp"

#include <ais/envelope.hpp>

#include <CLI/CLI.hpp>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>

#include <sys/random.h>

namespace {

constexpr int exit_failed = 1;
constexpr int exit_usage = 2;

using Key = std::array<std::uint8_t, ais::envelope::authkey_size>;

bool gather(Key& key) {
    std::size_t have = 0;
    while (have < key.size()) {
        const ssize_t got = getrandom(key.data() + have, key.size() - have, GRND_RANDOM);
        if (got > 0) {
            have += static_cast<std::size_t>(got);
        } else if (errno != EINTR) {
            return false;
        }
    }
    return true;
}

int fail(const std::string& why) {
    std::fprintf(stderr, "ais-keygen: %s\n", why.c_str());
    return exit_failed;
}

// A line that is seen before the work it announces is done.
void say(const std::string& line) {
    std::puts(line.c_str());
    std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
    std::string path = "/etc/ais/authkey";
    bool force = false;
    CLI::App app("Generate the authentication key of an aisexec ring.", "ais-keygen");
    app.add_option("-k,--key-file", path, "where to write the key")->capture_default_str();
    app.add_flag("--force", force, "replace a key that exists");
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : exit_usage;
    }

    // Why: a file size limit shall be an error that names the file, not a silent death.
    std::signal(SIGXFSZ, SIG_IGN);
    const auto if_exists = force ? ais::keygen::IfExists::replace : ais::keygen::IfExists::refuse;

    say("openais authentication key generator.");
    if (!force) {
        if (const auto free = ais::keygen::check_is_free(path); !free) {
            return fail(free.error().text);
        }
    }
    say("Gathering " + std::to_string(8 * ais::envelope::authkey_size) +
        " bits for key from /dev/random.");
    Key key{};
    if (!gather(key)) {
        return fail(std::string("cannot gather random bits: ") + std::strerror(errno));
    }
    say("Writing openais key to " + path + ".");
    const auto written = ais::keygen::write_key_file(path, key, if_exists);
    explicit_bzero(key.data(), key.size());
    return written ? 0 : fail(written.error().text);
}
