#include "archive/staging_folder.hpp"

#include "archive/folder.hpp"
#include "archive/removal.hpp"
#include "archive/report.hpp"
#include "archive/staging_metadata.hpp"
#include "stream/fault_point.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <span>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace miraclemax::archive {

namespace fs = std::filesystem;
using stream::Descriptor;
using stream::write_error;

namespace {

const char* name_of(Slot which) {
    return which == Slot::old_data ? "old" : "new";
}

// No name in it may lead up or nowhere.
void check_only(const std::string& only) {
    bool good = only.find('\0') == std::string::npos && !only.starts_with(".miraclemax-");
    for (std::size_t begin = 0; good && begin <= only.size();) {
        const std::size_t end = std::min(only.find('/', begin), only.size());
        const std::string part = only.substr(begin, end - begin);
        good = !part.empty() && part != "." && part != "..";
        begin = end + 1;
    }
    if (!good)
        throw Error(ExitCode::failed, "\"" + only + "\" is no path within the component",
                    "give it relative to the component's root, such as some/file");
}

void check_run(const std::string& run) {
    static constexpr std::string_view plain =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";
    if (run.empty() || run.size() > 200 || run.find_first_not_of(plain) != std::string::npos)
        throw Error(ExitCode::failed, "\"" + run + "\" is no name of a run");
}

} // namespace

Ground ground_of(const Site& site) {
    check_run(site.run);
    Ground ground{.top = {},
                  .path = site.root,
                  .name = ".miraclemax-" + site.run,
                  .whole = !site.single && site.only.empty(),
                  .only = site.only};
    if (site.single) {
        ground.only = site.root.filename().string();
        ground.path = site.root.has_parent_path() ? site.root.parent_path() : fs::path(".");
    }
    if (!ground.whole)
        check_only(ground.only);
    ground.top = Descriptor(::open(ground.path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!ground.top)
        throw write_error("open the folder", ground.path, errno);
    return ground;
}

Descriptor open_below(int folder, const std::string& path) {
    Descriptor at(::openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    for (std::size_t begin = 0; at && begin < path.size();) {
        const std::size_t end = std::min(path.find('/', begin), path.size());
        at = open_within(at.get(), path.substr(begin, end - begin).c_str());
        begin = end + 1;
    }
    return at;
}

void sync_open_folder(int folder, const fs::path& path) {
    if (::fsync(folder) != 0 && errno != EINVAL && errno != ENOTSUP)
        throw write_error("write to disk the folder", path, errno);
}

void keep_times(int folder, const struct stat& before) noexcept {
    const std::array<timespec, 2> times{before.st_atim, before.st_mtim};
    (void)!::futimens(folder, times.data()); // may be another's folder, and then it is only a nicety
}

StagingFolder::StagingFolder(Ground ground, Descriptor folder)
    : ground_(std::move(ground)), folder_(std::move(folder)) {}

std::optional<StagingFolder> StagingFolder::open(const Site& site) {
    Ground ground = ground_of(site);
    Descriptor folder = open_within(ground.top.get(), ground.name.c_str());
    if (!folder && errno == ENOENT)
        return std::nullopt;
    if (!folder)
        throw write_error("open the folder", ground.path / ground.name, errno);
    return StagingFolder(std::move(ground), std::move(folder));
}

std::string StagingFolder::read(const char* name, std::size_t longest) const {
    const Descriptor file(::openat(folder_.get(), name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    if (!file && errno == ENOENT)
        return {};
    if (!file)
        throw write_error("open", path() / name, errno);
    std::string content;
    std::array<char, 4096> block;
    for (;;) {
        const ssize_t count = ::read(file.get(), block.data(), block.size());
        if (count == 0)
            return content;
        if (count < 0 && errno != EINTR)
            throw write_error("read", path() / name, errno);
        content.append(block.data(), static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
        if (content.size() > longest)
            throw Error(ExitCode::failed, (path() / name).string() + " is not ours: it is too long");
    }
}

void StagingFolder::replace(const char* name, const std::string& content) {
    const std::string next = std::string(name) + ".next";
    if (::unlinkat(folder_.get(), next.c_str(), 0) != 0 && errno != ENOENT)
        throw write_error("remove", path() / next, errno);
    MIRACLEMAX_FAULT_POINT("staging.write");
    const Descriptor file(
        ::openat(folder_.get(), next.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!file)
        throw write_error("create", path() / next, errno);
    stream::write_all(file.get(), std::as_bytes(std::span(content)), path() / next);
    if (::fsync(file.get()) != 0)
        throw write_error("write to disk", path() / next, errno);
    MIRACLEMAX_FAULT_POINT("staging.rename");
    if (::renameat(folder_.get(), next.c_str(), folder_.get(), name) != 0)
        throw write_error("replace", path() / name, errno);
    MIRACLEMAX_FAULT_POINT("staging.fsync");
    sync_open_folder(folder_.get(), path());
    MIRACLEMAX_FAULT_POINT("staging.durable");
}

std::string StagingFolder::phase() const {
    std::string word = read("phase");
    if (!word.empty() && word.back() == '\n')
        word.pop_back();
    return word;
}

std::string StagingFolder::dropping() const {
    std::string word = read("dropping");
    if (!word.empty() && word.back() == '\n')
        word.pop_back();
    return word;
}

void StagingFolder::announce(const char* phase) {
    replace("phase", std::string(phase) + "\n");
}

void StagingFolder::make_folder(int in, const std::string& name) {
    if (::mkdirat(in, name.c_str(), 0700) != 0 && errno != EEXIST)
        throw write_error("make the folder", path() / name, errno);
}

Descriptor StagingFolder::required(int folder, const std::string& below) const {
    Descriptor opened = open_below(folder, below);
    if (!opened)
        throw write_error("open the folder", path() / below, errno);
    return opened;
}

Descriptor StagingFolder::slot(Slot which) const {
    return required(folder_.get(), name_of(which));
}

Descriptor StagingFolder::record(Slot which) {
    const std::string name = std::string(name_of(which)) + ".root";
    make_folder(folder_.get(), name);
    return required(folder_.get(), name);
}

void StagingFolder::seal_new() {
    const Descriptor fresh = slot(Slot::new_data);
    if (ground_.whole) {
        copy_metadata(fresh.get(), record(Slot::new_data).get(), path() / "new.root");
        store_names(); // afterwards: a listing may move the access time
    }
    MIRACLEMAX_FAULT_POINT("staging.syncfs");
    if (::syncfs(folder_.get()) != 0)
        throw write_error("write to disk", path() / "new", errno);
}

bool StagingFolder::holds_old() const {
    const Descriptor old = open_within(folder_.get(), "old");
    if (!old && errno == ENOENT)
        return false;
    Names names;
    return !old || names.list(old.get(), 1) != 0 || names.size() != 0;
}

std::vector<std::string> StagingFolder::staying() const {
    std::vector<std::string> names;
    for (const std::string& name : stays_)
        names.push_back(json_text(name));
    return names;
}

void StagingFolder::drop() {
    MIRACLEMAX_FAULT_POINT("staging.drop");
    // By its name alone the phase changes without a byte of new space: what is dropped may have filled the
    // disk.
    if (::renameat(folder_.get(), "phase", folder_.get(), "dropping") != 0 && errno != ENOENT)
        throw write_error("rename", path() / "phase", errno);
    sync_open_folder(folder_.get(), path());
    MIRACLEMAX_FAULT_POINT("staging.dropping");
    const bool any_strays = !strays().empty();
    Names names;
    if (const int error = names.list(folder_.get()); error != 0)
        throw write_error("list", path(), error);
    for (std::size_t i = 0; i < names.size(); ++i) {
        if (names[i] == std::string_view("dropping") ||
            (any_strays && names[i] == std::string_view("strays")))
            continue;
        remove_within(folder_.get(), names[i], path());
        MIRACLEMAX_FAULT_POINT("staging.remove");
    }
    remove_within(folder_.get(), "dropping", path());
    MIRACLEMAX_FAULT_POINT("staging.rmdir");
    if (any_strays) {
        sync_open_folder(folder_.get(), path());
        return;
    }
    struct stat before {};
    const bool known = ::fstat(ground_.top.get(), &before) == 0;
    if (::unlinkat(ground_.top.get(), ground_.name.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT)
        throw write_error("remove", path(), errno);
    if (known)
        keep_times(ground_.top.get(), before);
    sync_open_folder(ground_.top.get(), ground_.path);
    MIRACLEMAX_FAULT_POINT("staging.removed");
}

} // namespace miraclemax::archive
