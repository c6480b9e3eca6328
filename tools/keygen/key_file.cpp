// SPDX-License-Identifier: BSD-3-Clause

#include "key_file.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace ais::keygen {
namespace {

std::string folder_of(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    if (slash == std::string::npos) {
        return ".";
    }
    return slash == 0 ? "/" : path.substr(0, slash);
}

Error system_error(const std::string& what, const std::string& path, int error) {
    std::string remedy;
    switch (error) {
        case ENOENT:
            remedy = ": make the directory first: install -d -m 0755 " + folder_of(path);
            break;
        case EACCES:
        case EPERM:
            remedy = geteuid() == 0 ? "" : ": run it as root, or name another file with -k";
            break;
        case ENOSPC:
        case EDQUOT:
        case EFBIG:
            remedy = ": nothing was written; make room and try again";
            break;
        case EROFS:
            remedy = ": name another file with -k";
            break;
        default:
            break;
    }
    return {AIS_ERR_FAILED, what + " " + path + ": " + std::strerror(error) + remedy};
}

// A temporary file that vanishes unless it got its name.
class TemporaryFile {
  public:
    explicit TemporaryFile(const std::string& beside) : path_(beside + ".XXXXXX") {
        // Creates with O_EXCL and mode 0600; what is there already is never opened.
        descriptor_ = mkostemp(path_.data(), O_CLOEXEC);
    }
    ~TemporaryFile() {
        if (descriptor_ >= 0) {
            close(descriptor_);
            unlink(path_.c_str());
        }
    }
    TemporaryFile(const TemporaryFile&) = delete;
    TemporaryFile& operator=(const TemporaryFile&) = delete;

    [[nodiscard]] bool is_open() const { return descriptor_ >= 0; }

    // 0, or the errno.
    int fill(Bytes content) {
        while (!content.empty()) {
            const ssize_t written = write(descriptor_, content.data(), content.size());
            if (written < 0 && errno != EINTR) {
                return errno;
            }
            if (written > 0) {
                content = content.subspan(static_cast<std::size_t>(written));
            }
        }
        return fchmod(descriptor_, 0400) == 0 && fsync(descriptor_) == 0 ? 0 : errno;
    }

    int publish(const std::string& as, IfExists if_exists) {
        // A link fails where there is something, a rename replaces it; both at once or not at all.
        const int result = if_exists == IfExists::refuse ? link(path_.c_str(), as.c_str())
                                                         : rename(path_.c_str(), as.c_str());
        return result == 0 ? 0 : errno;
    }

  private:
    std::string path_;
    int descriptor_ = -1;
};

void sync_folder(const std::string& path) {
    const int folder = open(folder_of(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder >= 0) {
        // Some filesystems cannot; the key itself is on disk already.
        static_cast<void>(fsync(folder));
        close(folder);
    }
}

}  // namespace

Result<void> check_is_free(const std::string& path) {
    struct stat found {};
    if (lstat(path.c_str(), &found) == 0) {
        return Error{AIS_ERR_EXISTS,
                     path +
                         " exists already: a ring whose nodes have different keys falls apart. "
                         "Use --force to replace it"};
    }
    return {};
}

Result<void> write_key_file(const std::string& path, Bytes key, IfExists if_exists) {
    struct stat found {};
    if (path.empty() || path.back() == '/' ||
        (stat(path.c_str(), &found) == 0 && S_ISDIR(found.st_mode))) {
        return invalid("'" + path + "' is a directory: name the file");
    }
    TemporaryFile file(path);
    if (!file.is_open()) {
        return system_error("cannot create", path, errno);
    }
    if (const int error = file.fill(key); error != 0) {
        return system_error("cannot write", path, error);
    }
    if (const int error = file.publish(path, if_exists); error != 0) {
        if (error == EEXIST) {
            return check_is_free(path);
        }
        return system_error("cannot create", path, error);
    }
    sync_folder(path);
    return {};
}

}  // namespace ais::keygen
