// SPDX-License-Identifier: BSD-3-Clause
//
// image.cpp reads symbol and manifest out of the bytes.  Where it cannot (another machine's
// format), boost::dll::library_info at least tells whether the symbol is there; it
// reads section tables and could not follow the manifest's pointers.

#include "plugin/discovery.hpp"

#include "plugin/image.hpp"

#include <boost/dll/library_info.hpp>

#include <algorithm>
#include <exception>
#include <filesystem>
#include <fstream>

namespace ais::plugin {

namespace {

namespace fs = std::filesystem;

Result<std::string> read_file(const fs::path& path) {
    std::error_code error;
    if (!fs::is_regular_file(path, error)) {
        return not_found(error ? error.message() : "not a regular file");
    }
    const auto size = fs::file_size(path, error);
    if (error) {
        return failed(error.message());
    }
    if (size > file_max) {
        return Error{AIS_ERR_TOO_BIG, "the file is larger than 256 MiB"};
    }
    std::ifstream stream(path, std::ios::binary);
    std::string content(static_cast<std::size_t>(size), '\0');
    stream.read(content.data(), static_cast<std::streamsize>(size));
    if (!stream) {
        return failed("cannot be read (permissions?)");
    }
    return content;
}

// Whether the file exports ais_plugin, by its section tables; "don't know" counts as yes,
// since stripped section tables are legal and the image has the last word.
bool may_have_manifest(const fs::path& path) {
    try {
        boost::dll::library_info info(path.string());
        const auto symbols = info.symbols();
        return symbols.empty() ||
               std::find(symbols.begin(), symbols.end(), AIS_PLUGIN_SYMBOL) != symbols.end();
    } catch (const std::exception&) {
        return true;
    }
}

void inspect(const fs::path& path, Candidate& candidate) {
    const auto content = read_file(path);
    if (!content) {
        candidate.refused = content.error().text;
        return;
    }
    auto image = read_image(as_bytes(content.value()));
    if (!image) {
        candidate.refused = image.error().text;
        return;
    }
    if (image->cannot_tell) {
        if (!may_have_manifest(path)) {
            candidate.refused = "not a plugin: a shared object without the symbol ais_plugin";
        }
        return;
    }
    if (auto result = check(image->manifest, candidate.name); !result) {
        candidate.refused = result.error().text;
    }
    candidate.manifest = std::move(image->manifest);
}

}  // namespace

Candidate inspect_file(const std::string& file) {
    Candidate candidate;
    candidate.file = file;
    inspect(file, candidate);
    return candidate;
}

Discovery discover(std::span<const std::string> directories) {
    Discovery found;
    for (const std::string& directory : directories) {
        std::error_code error;
        std::vector<fs::path> files;
        fs::directory_iterator at(directory, error);
        for (; !error && at != fs::directory_iterator(); at.increment(error)) {
            if (at->path().extension() == ".so") {
                files.push_back(fs::absolute(at->path()).lexically_normal());
            }
        }
        if (error) {
            found.notes.push_back("plugin directory '" + directory + "': " + error.message());
        }
        for (const fs::path& file : files) {
            Candidate candidate;
            candidate.name = file.stem().string();
            candidate.file = file.string();
            const auto first = std::find_if(
                found.candidates.begin(), found.candidates.end(), [&](const Candidate& c) {
                    return c.name == candidate.name;
                });
            if (first != found.candidates.end()) {
                if (first->file == candidate.file) {
                    continue;  // the directory was named twice
                }
                candidate.refused = "hidden by " + first->file;
            } else {
                inspect(file, candidate);
            }
            found.candidates.push_back(std::move(candidate));
        }
    }
    std::stable_sort(found.candidates.begin(),
                     found.candidates.end(),
                     [](const Candidate& a, const Candidate& b) { return a.name < b.name; });
    return found;
}

}  // namespace ais::plugin
