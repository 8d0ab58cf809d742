// Owner, mode, times and attributes of an entry that was laid down, and what of them is withheld.
#pragma once

#include "archive/archived_entry.hpp"
#include "archive/unpack.hpp"

#include <string>
#include <string_view>

namespace miraclemax::archive {

// Counts and names what could not be set. Throws Error (destination) for what the disk can't take. Borrows
// all that it is given. One thread.
class MetadataSetter {
public:
    MetadataSetter(const UnpackOptions& options, const std::string& prefix, Unpacked& result)
        : options_(options), prefix_(prefix), result_(result) {}

    // All of a file or folder. Owner first: it clears set-uid bits and capabilities. Times last. A folder's
    // attributes but the ACLs were set before.
    void all(int descriptor, const ArchivedEntry& entry);
    // Of a new folder only the attributes that entries made in it don't inherit, so that they need not be
    // kept.
    void attributes_of_new_folder(int descriptor, const ArchivedEntry& entry);
    // All of what can't be opened: links, FIFOs, devices; by its name in an open folder. Attributes need
    // /proc.
    void all_at(int folder, const char* name, const ArchivedEntry& entry);

    void withhold_device(const ArchivedEntry& entry, int error);
    // "can't <act> <entry>: <error>", damaged where a link stands in the way, else destination.
    [[noreturn]] void fail(const std::string& act, const std::string& path, int error) const;

private:
    struct Target;
    void attribute(const Target& target, const ArchivedEntry& entry, const Attribute& attribute);
    void owner_refused(const ArchivedEntry& entry, int error);
    mode_t mode_of(const ArchivedEntry& entry, bool owned) const;
    void name(const ArchivedEntry& entry, const std::string& why);

    const UnpackOptions& options_;
    const std::string& prefix_;
    Unpacked& result_;
};

} // namespace miraclemax::archive
