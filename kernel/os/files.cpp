// SPDX-License-Identifier: BSD-3-Clause

#include "os/files.hpp"

#include "os/descriptor.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

namespace ais::os {
namespace {

Error because(const std::string& what, int error) {
    return {error == ENOENT || error == ENOTDIR ? AIS_ERR_NOT_FOUND : AIS_ERR_FAILED,
            what + ": " + std::strerror(error)};
}

std::string directory_of(const std::string& path) {
    const auto slash = path.rfind('/');
    if (slash == std::string::npos) {
        return ".";
    }
    return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace

void Descriptor::reset() {
    if (fd_ >= 0) {
        ::close(std::exchange(fd_, -1));
    }
}

Result<FileContent> read_file(const std::string& path, std::size_t size_max) {
    // Why O_NONBLOCK: opening a FIFO must not hang before we see that it is one.
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    if (!file.is_open()) {
        return because("cannot open " + path, errno);
    }
    struct stat about {};
    if (::fstat(file.get(), &about) != 0) {
        return because("cannot look at " + path, errno);
    }
    if (S_ISDIR(about.st_mode)) {
        return failed(path + " is a directory, a file is needed");
    }
    if (!S_ISREG(about.st_mode)) {
        return failed(path + " is not a regular file");
    }
    FileContent content;
    content.mode = about.st_mode & 07777U;
    content.uid = about.st_uid;
    content.gid = about.st_gid;
    // Why not by st_size: files of /proc say 0, and a file may grow meanwhile.
    while (true) {
        char part[16384];
        const ssize_t got = ::read(file.get(), part, sizeof part);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return because("cannot read " + path, errno);
        }
        if (got == 0) {
            return content;
        }
        if (content.bytes.size() + static_cast<std::size_t>(got) > size_max) {
            return failed(path + " is too large: at most " + std::to_string(size_max) +
                          " bytes are read");
        }
        content.bytes.append(part, static_cast<std::size_t>(got));
    }
}

Result<void> write_durably(const std::string& path, Bytes content, std::uint32_t mode) {
    const std::string beside = path + ".new";
    // One that a crash left behind may belong to root, from before the privileges were dropped.
    ::unlink(beside.c_str());
    Descriptor file(
        ::open(beside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode));
    if (!file.is_open()) {
        return because("cannot write " + beside, errno);
    }
    while (!content.empty()) {
        const ssize_t done = ::write(file.get(), content.data(), content.size());
        if (done < 0 && errno == EINTR) {
            continue;
        }
        if (done <= 0) {
            return because("cannot write " + beside, errno);
        }
        content = content.subspan(static_cast<std::size_t>(done));
    }
    if (::fsync(file.get()) != 0) {
        return because("cannot sync " + beside, errno);
    }
    if (::close(file.release()) != 0) {
        return because("cannot write " + beside, errno);
    }
    if (std::rename(beside.c_str(), path.c_str()) != 0) {
        return because("cannot rename " + beside + " to " + path, errno);
    }
    // The name is durable only when its directory is.
    const Descriptor directory(
        ::open(directory_of(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!directory.is_open() || ::fsync(directory.get()) != 0) {
        return because("cannot sync the directory of " + path, errno);
    }
    return {};
}

Result<void> ensure_directory(const std::string& path, std::uint32_t mode) {
    if (::mkdir(path.c_str(), mode) == 0) {
        ::chmod(path.c_str(), mode);  // whatever the umask is
        return {};
    }
    if (errno != EEXIST) {
        return because("cannot make the directory " + path, errno);
    }
    struct stat about {};
    if (::stat(path.c_str(), &about) != 0) {
        return because("cannot look at " + path, errno);
    }
    if (!S_ISDIR(about.st_mode)) {
        return failed(path + " is not a directory");
    }
    return {};
}

Result<std::string> make_private_directory(const std::string& parent, const std::string& prefix) {
    std::string path = parent + "/" + prefix + "XXXXXX";
    if (::mkdtemp(path.data()) == nullptr) {
        return because("cannot make a directory in " + parent, errno);
    }
    return path;
}

void remove_directory(const std::string& path) {
    constexpr int descriptors_max = 16;
    const auto remove_one = [](const char* name, const struct stat*, int, FTW*) {
        std::remove(name);
        return 0;
    };
    ::nftw(path.c_str(), remove_one, descriptors_max, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

Result<void> make_directories(const std::string& path, std::uint32_t mode) {
    for (std::size_t at = path.find('/', 1); at != std::string::npos; at = path.find('/', at + 1)) {
        if (auto made = ensure_directory(path.substr(0, at), 0755); !made) {
            return made;
        }
    }
    return ensure_directory(path, mode);
}

bool is_directory(const std::string& path) {
    struct stat about {};
    return ::stat(path.c_str(), &about) == 0 && S_ISDIR(about.st_mode);
}

Result<void> give_directory_to(const std::string& path, std::uint32_t uid, std::uint32_t gid) {
    const Descriptor directory(
        ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
    struct stat about {};
    if (!directory.is_open() || ::fstat(directory.get(), &about) != 0) {
        return because("cannot open the directory " + path, errno);
    }
    if ((about.st_mode & S_IWOTH) != 0) {
        return failed(path +
                      " can be written by everybody; the executive needs a directory of its own");
    }
    DIR* list = ::opendir(path.c_str());
    if (list == nullptr) {
        return because("cannot read the directory " + path, errno);
    }
    std::string in_the_way;
    std::vector<std::string> files;
    while (const dirent* entry = ::readdir(list)) {
        const std::string name = entry->d_name;
        struct stat inside {};
        if (name == "." || name == ".." ||
            ::fstatat(directory.get(), entry->d_name, &inside, AT_SYMLINK_NOFOLLOW) != 0) {
            continue;
        }
        if (S_ISDIR(inside.st_mode)) {
            in_the_way = name;
        } else if (S_ISREG(inside.st_mode) && inside.st_nlink == 1) {
            files.push_back(name);
        }
    }
    ::closedir(list);
    if (!in_the_way.empty()) {
        return failed(path + " holds the directory " + in_the_way +
                      "; the executive needs a directory of its own");
    }
    for (const std::string& name : files) {
        if (::fchownat(directory.get(), name.c_str(), uid, gid, AT_SYMLINK_NOFOLLOW) != 0 &&
            errno != ENOENT) {
            return because("cannot give " + path + "/" + name + " away", errno);
        }
    }
    if (::fchown(directory.get(), uid, gid) != 0) {
        return because("cannot give " + path + " to user " + std::to_string(uid) + " and group " +
                           std::to_string(gid),
                       errno);
    }
    return {};
}

std::string absolute_path(const std::string& path) {
    std::array<char, PATH_MAX> here{};
    if (path.empty() || path.front() == '/' || ::getcwd(here.data(), here.size()) == nullptr) {
        return path;
    }
    return std::string(here.data()) + "/" + path;
}

std::string program_directory() {
    std::array<char, PATH_MAX> path{};
    const ssize_t size = ::readlink("/proc/self/exe", path.data(), path.size());
    if (size <= 0 || static_cast<std::size_t>(size) == path.size()) {
        return "";
    }
    return directory_of(std::string(path.data(), static_cast<std::size_t>(size)));
}

void wipe(std::string& secret) {
    ::explicit_bzero(secret.data(), secret.size());
    secret.clear();
}

}  // namespace ais::os
