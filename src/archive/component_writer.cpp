#include "archive/component_writer.hpp"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <unistd.h>

namespace miraclemax::archive {
namespace {

constexpr std::string_view kOwn = ".miraclemax-"; // staging folders of restores

constexpr std::uint64_t kTellBytes = 8 << 20;
constexpr std::uint64_t kTellEntries = 1000;

} // namespace

ComponentWriter::ComponentWriter(const Scope& scope, const Sinks& sinks, const Progress& progress)
    : scope_(scope), progress_(progress), exclusions_(scope.exclude), tar_(sinks.tar),
      inventory_(sinks.inventory), report_(sinks.report), attribute_reader_(scope.trusted_xattrs) {}

void ComponentWriter::finish() {
    tar_.finish();
    inventory_.flush();
    report_.flush();
    if (progress_)
        progress_(tally_);
}

bool ComponentWriter::excluded(const std::string& path, bool folder) {
    if (path.find('/') == std::string::npos && path.starts_with(kOwn))
        return true;
    if (!exclusions_.match(path, folder))
        return false;
    ++tally_.excluded;
    tell(0);
    return true;
}

void ComponentWriter::missed(const std::string& path, What what, const std::string& why) {
    switch (what) {
    case What::changed:
        ++tally_.changed;
        break;
    case What::vanished:
        ++tally_.vanished;
        break;
    case What::unreadable:
        ++tally_.unreadable;
        break;
    case What::skipped:
        ++tally_.skipped;
        break;
    case What::elsewhere:
        ++tally_.elsewhere;
        break;
    }
    report_.add(name_of(path), what, why);
    tell(0);
}

const std::string& ComponentWriter::name_of(const std::string& path) {
    name_.assign(scope_.prefix);
    name_ += '/';
    name_ += path;
    return name_;
}

void ComponentWriter::read_attributes(const Place& place, int descriptor) {
    attributes_error_ = descriptor >= 0 ? attribute_reader_.read(descriptor, attributes_)
                                        : attribute_reader_.read_at(place.folder, place.name, attributes_);
}

// At most one line for an entry, however many of its attributes are not as they were.
void ComponentWriter::judge_attributes(const std::string& path) {
    if (attributes_error_ != 0) {
        missed(path, What::unreadable,
               std::string("an extended attribute can't be read: ") + std::strerror(attributes_error_));
        return;
    }
    for (const Attribute& attribute : attributes_) {
        if (!restorable(attribute.name)) {
            missed(path, What::unreadable,
                   "tar restores the attribute " + attribute.name + " under another name");
            return;
        }
    }
}

// Writes the header of the entry whose symlink_, hardlink_ and attributes_ are set.
bool ComponentWriter::begin(const std::string& path, const struct stat& status,
                            const std::vector<Extent>* map) {
    if (tar_.begin({.name = name_of(path),
                    .status = status,
                    .symlink = symlink_,
                    .hardlink = hardlink_,
                    .attributes = attributes_,
                    .map = map}))
        return true;
    missed(path, What::unreadable, "the archive's format can't hold it: " + tar_.why());
    return false;
}

// Once for each entry in the archive.
void ComponentWriter::record(const std::string& path, struct stat status, const ContentDigest& digest,
                             const std::string& attributes) {
    status.st_mtim = archived_time(status.st_mtim);
    inventory_.add(
        {.path = path, .status = status, .digest = digest, .symlink = symlink_, .attributes = attributes});
    ++tally_.entries;
    if (S_ISREG(status.st_mode))
        ++tally_.files;
    tell(0);
}

// What is left out counts too: a tree of excluded files must not look like one that stands still.
void ComponentWriter::tell(std::uint64_t bytes) {
    tally_.bytes += bytes;
    const std::uint64_t met = tally_.entries + tally_.excluded + tally_.vanished + tally_.unreadable +
                              tally_.skipped + tally_.elsewhere;
    if (tally_.bytes - told_bytes_ < kTellBytes && met - told_entries_ < kTellEntries)
        return;
    told_bytes_ = tally_.bytes;
    told_entries_ = met;
    if (progress_)
        progress_(tally_);
}

void ComponentWriter::folder(const Place& place, int descriptor, const struct stat& status) {
    symlink_.clear();
    hardlink_.clear();
    read_attributes(place, descriptor);
    if (!begin(place.path, status, nullptr))
        return;
    record(place.path, status, {}, attributes_digest(attributes_));
    judge_attributes(place.path);
}

void ComponentWriter::left(const std::string& path, const struct stat& before, const struct stat& after) {
    if (!unmoved(before, after))
        missed(path, What::changed,
               "the folder moved while it was read: entries may have come, gone or been renamed");
}

bool ComponentWriter::entry(const Place& place, const struct stat& status, bool last) {
    symlink_.clear();
    hardlink_.clear();
    if (S_ISSOCK(status.st_mode)) {
        missed(place.path, What::skipped, "it is a socket");
        return true;
    }
    if (status.st_nlink > 1 && further_name(place, status))
        return true;
    return S_ISREG(status.st_mode) ? regular(place, last) : special(place, status, last);
}

bool ComponentWriter::further_name(const Place& place, const struct stat& status) {
    const auto found = first_names_.find({status.st_dev, status.st_ino});
    if (found == first_names_.end())
        return false;
    FirstName& first = found->second;
    if (first.changed.tv_sec != status.st_ctim.tv_sec || first.changed.tv_nsec != status.st_ctim.tv_nsec) {
        missed(place.path, What::changed,
               "it moved since it was archived under its other name " + first.path +
                   "; the link between them is cut");
        first_names_.erase(found);
        return false;
    }
    if (S_ISLNK(status.st_mode)) {
        symlink_.resize(static_cast<std::size_t>(status.st_size) + 1);
        const ssize_t size = readlinkat(place.folder, place.name, symlink_.data(), symlink_.size());
        symlink_.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
    }
    hardlink_ = scope_.prefix + "/" + first.path;
    attributes_.clear();
    if (begin(place.path, status, nullptr))
        record(place.path, status, first.digest, first.attributes);
    if (--first.left == 0)
        first_names_.erase(found);
    return true;
}

void ComponentWriter::remember(const Place& place, const struct stat& status, const ContentDigest& digest) {
    if (status.st_nlink < 2)
        return;
    first_names_[{status.st_dev, status.st_ino}] = {.path = place.path,
                                                    .changed = status.st_ctim,
                                                    .left = status.st_nlink - 1,
                                                    .digest = digest,
                                                    .attributes = attributes_digest(attributes_)};
}

// Links, FIFOs and devices: nothing to open.
bool ComponentWriter::special(const Place& place, const struct stat& status, bool last) {
    if (S_ISLNK(status.st_mode)) {
        symlink_.resize(static_cast<std::size_t>(status.st_size) + 1);
        ssize_t size = 0;
        while ((size = readlinkat(place.folder, place.name, symlink_.data(), symlink_.size())) ==
               static_cast<ssize_t>(symlink_.size()))
            symlink_.resize(symlink_.size() * 2);
        if (size < 0 && (errno == ENOENT || errno == EINVAL))
            return false;
        if (size < 0) {
            missed(place.path, What::unreadable, std::strerror(errno));
            return true;
        }
        symlink_.resize(static_cast<std::size_t>(size));
    }
    read_attributes(place, -1);
    struct stat after {};
    const bool moved =
        fstatat(place.folder, place.name, &after, AT_SYMLINK_NOFOLLOW) != 0 || !unmoved(status, after);
    if (moved && !last)
        return false;
    if (!begin(place.path, status, nullptr))
        return true;
    record(place.path, status, {}, attributes_digest(attributes_));
    if (moved)
        missed(place.path, What::changed, "it moved in every try to read it");
    else
        judge_attributes(place.path);
    remember(place, status, {});
    return true;
}

} // namespace miraclemax::archive
