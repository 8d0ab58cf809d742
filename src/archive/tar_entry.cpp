#include "archive/tar_entry.hpp"

#include "archive/acl_text.hpp"
#include "error.hpp"

#include <algorithm>
#include <limits>
#include <string_view>

#include <sys/sysmacros.h>

namespace miraclemax::archive {
namespace {

constexpr std::string_view kOwn = ".miraclemax-"; // staging folders, in which no entry ever lies
constexpr std::size_t kLongestPath = 1 << 20;
constexpr std::size_t kLongestName = 1024; // the longest that any file system of Linux shows
constexpr std::size_t kLongestTarget = 4096;
constexpr std::uint64_t kLargest = std::numeric_limits<std::int64_t>::max();

[[noreturn]] void refuse(std::string_view name, const std::string& why) {
    throw Error(ExitCode::damaged, shown(name) + ": " + why);
}

// The part of a name below the root. What it is of is for the message.
std::string below_root(std::string_view name, const std::string& prefix, std::string_view of) {
    if (name.size() <= prefix.size() || name[prefix.size()] != '/' || !name.starts_with(prefix))
        refuse(of, "the name is not one of this component");
    const std::string_view path = name.substr(prefix.size() + 1);
    if (path.size() > kLongestPath)
        refuse(of, "the name is longer than any can be");
    for (std::string_view rest = path; !path.empty();) {
        const auto slash = rest.find('/');
        const std::string_view segment = rest.substr(0, slash);
        if (segment.empty() || segment == "." || segment == ".." || segment.size() > kLongestName ||
            segment.find('\0') != std::string_view::npos)
            refuse(of, "the name leaves its folder, or is none");
        if (slash == std::string_view::npos)
            break;
        rest.remove_prefix(slash + 1);
    }
    if (path.starts_with(kOwn))
        refuse(of, "the name is one that is never backed up");
    return std::string(path);
}

mode_t type_of(char type) {
    switch (type) {
    case '2':
        return S_IFLNK;
    case '3':
        return S_IFCHR;
    case '4':
        return S_IFBLK;
    case '5':
        return S_IFDIR;
    case '6':
        return S_IFIFO;
    default:
        return S_IFREG;
    }
}

unsigned id_of(std::uint64_t id, std::string_view name) {
    if (id > std::numeric_limits<std::uint32_t>::max())
        refuse(name, "an owner or device number is out of range");
    return static_cast<unsigned>(id);
}

void set_content(ArchivedEntry& entry, const TarHeader& header, const TarRecords& records,
                 std::string_view name) {
    entry.stored = records.size.value_or(header.size);
    entry.sparse = records.sparse_major || records.sparse_minor || records.sparse_name || records.sparse_size;
    if (header.type != '0' && (entry.stored != 0 || entry.sparse))
        refuse(name, "it has content, and is no file");
    if (entry.sparse && (records.sparse_major != 1U || records.sparse_minor != 0U || !records.sparse_name ||
                         !records.sparse_size))
        refuse(name, "the map of its holes is in another form");
    const std::uint64_t size = entry.sparse ? *records.sparse_size : entry.stored;
    if (size > kLargest || entry.stored > kLargest)
        refuse(name, "its size is out of range");
    entry.status.st_size = static_cast<off_t>(size);
}

void set_acl(ArchivedEntry& entry, const std::optional<std::string>& text, std::string_view attribute,
             std::string_view name) {
    if (!text)
        return;
    auto acl = acl_of_text(*text);
    if (!acl)
        refuse(name, "its ACL is in another form");
    // libarchive's header holds the group's own permissions, where the kernel shows the mask.
    if (attribute == kAccessAcl && acl->mask)
        entry.status.st_mode = (entry.status.st_mode & ~static_cast<mode_t>(070)) | *acl->mask << 3;
    entry.attributes.push_back({.name = std::string(attribute), .value = std::move(acl->value)});
}

void set_attributes(ArchivedEntry& entry, TarRecords& records, std::string_view name) {
    entry.attributes = std::move(records.attributes);
    set_acl(entry, records.access_acl, kAccessAcl, name);
    set_acl(entry, records.default_acl, kDefaultAcl, name);
    const auto by_name = [](const Attribute& a, const Attribute& b) { return a.name < b.name; };
    std::sort(entry.attributes.begin(), entry.attributes.end(), by_name);
    const auto same = [](const Attribute& a, const Attribute& b) { return a.name == b.name; };
    if (std::adjacent_find(entry.attributes.begin(), entry.attributes.end(), same) != entry.attributes.end())
        refuse(name, "it has an attribute twice");
}

void set_link(ArchivedEntry& entry, const TarHeader& header, std::string link, const std::string& prefix,
              std::string_view name) {
    const bool wanted = header.type == '1' || header.type == '2';
    if (wanted ? link.empty() : !link.empty())
        refuse(name, wanted ? "it is a link to nothing" : "it is no link, and leads somewhere");
    if (header.type == '1') {
        entry.link = below_root(link, prefix, name);
        if (compare_paths(entry.link, entry.path) >= 0)
            refuse(name, "it is a hard link to an entry that does not come before it");
        if (!entry.attributes.empty())
            refuse(name, "it is a hard link with attributes of its own");
    } else {
        if (link.size() > kLongestTarget || link.find('\0') != std::string::npos)
            refuse(name, "it is a link with a target that none can have");
        entry.link = std::move(link);
    }
}

} // namespace

ArchivedEntry entry_of(TarHeader header, TarRecords records, const std::string& prefix, bool single) {
    std::string name = records.sparse_name ? *records.sparse_name
                       : records.path      ? *records.path
                                           : header.name;
    ArchivedEntry entry;
    if (records.charset && *records.charset != "BINARY")
        refuse(name, "its names are in a character set that is never written");
    const std::string shown_name = name;
    if (header.type == '5') {
        if (!name.ends_with('/'))
            refuse(name, "the name is not that of a folder");
        if (name.size() > prefix.size() + 1)
            name.pop_back();
    }
    entry.path = below_root(name, prefix, shown_name);
    if (entry.path.empty() && header.type != '5')
        refuse(shown_name, "the root is no folder");
    if (single && (header.type != '0' || entry.path.find('/') != std::string::npos))
        refuse(shown_name, "the component is a single file, and this is another entry");
    entry.another = header.type == '1';
    entry.status.st_mode = header.mode | (entry.another ? 0 : type_of(header.type));
    entry.status.st_uid = id_of(records.uid.value_or(header.uid), shown_name);
    entry.status.st_gid = id_of(records.gid.value_or(header.gid), shown_name);
    entry.status.st_mtim =
        records.time.value_or(timespec{.tv_sec = static_cast<time_t>(header.time), .tv_nsec = 0});
    if (header.type == '3' || header.type == '4')
        entry.status.st_rdev = makedev(id_of(records.major.value_or(header.major), shown_name),
                                       id_of(records.minor.value_or(header.minor), shown_name));
    set_content(entry, header, records, shown_name);
    set_attributes(entry, records, shown_name);
    set_link(entry, header, records.link ? std::move(*records.link) : std::move(header.link), prefix,
             shown_name);
    return entry;
}

} // namespace miraclemax::archive
