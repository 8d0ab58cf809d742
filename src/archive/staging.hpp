// Old data for new, by renames within a component's own root, so that whatever is killed when, the root
// holds the one whole or the other.
//
//   <root>/.miraclemax-<run>/        0700: left out of every backup and inventory
//       new/        what came out of the backup, while it is not in the root
//       old/        what was there before, while it is not in the root
//       new.root, old.root   empty folders with the owner, mode, times and attributes that the root itself
//       has
//                   with the one and the other (times alone, of the folder around it, where one name moves)
//       stays, moves   what doesn't move: the top entries that are mount points; or the one path that does
//       names       what new/ held at its top when it was sealed, sorted; none where one path moves
//       phase       a word, replaced whole and durable before the act that it announces:
//                   swap      "staged" (new/ is complete) → "aside" (old entries are being moved to old/)
//                             → "in" (none is left; new ones are being moved in) → "swapped"
//                   exchange  "swapped" → "back-aside" (new ones to new/) → "back-in" → "returned"
//                             → "again-aside" → "again-in" → "swapped"
//       dropping    the phase file under another name: the folder is being removed
//       strays/     what settle() found in the root under a name that had to come there, and what left the
//                   root with the new data and never came out of the backup; the rest of the folder goes
//                   without it
// The root of a component that is a single file is the folder that it lies in, and only that one name moves.
// Of the root's own attributes security.selinux stays as it is: the kernel's policy decides it.
#pragma once

#include "stream/file.hpp"

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace miraclemax::archive {

struct Site {
    std::filesystem::path root; // as this process sees it: an existing folder, or the path of a single file
    bool single = false;        // root is a file's path; it may not exist, its folder does
    std::string run;            // [A-Za-z0-9_.-]+
    // A path relative to the root, "a/b", no "." or ".." in it: only this is swapped, everything else stays.
    // Folders of it that the root lacks come (and go) with it.
    std::string only;
};

// What the root holds. unknown: there is no staging folder; it was never made, or has been removed, but for
// strays.
enum class Holds { old_data, new_data, unknown };

// Makes the staging folder and returns new/, open. Throws Error (destination) when it can't, (failed) when
// there is one of this run. The root's times stay as they are, here and in discard().
stream::Descriptor begin_staging(const Site& site);
// The root, and what is free in its file system for an ordinary user's data.
struct Space {
    std::uint64_t bytes = 0;
    std::uint64_t inodes = 0; // UINT64_MAX where the file system doesn't count them
    std::uint64_t device = 0; // the same for roots that lie in one file system
    bool empty = false;       // the root (of a single file, the folder that it lies in) holds nothing
};
Space space_of(const Site& site); // `empty` is not looked for: that would move the root's access time
Space room_of(const Site& site);  // all of it
// What content and entries need in a file system, at least: bytes.
[[nodiscard]] std::uint64_t room_for(std::uint64_t content, std::uint64_t entries);
// new/ and all in it is durable (syncfs), phase "staged".
void seal(const Site& site);
// From "staged" to "swapped", each step durable. What lies in the root under a name ".miraclemax-…", and a
// top entry that is a mount point, stays where it is (their names are returned, as json_text); mount points
// deeper than that, or in `only`, are refused (destination). Throws Error; then the root holds the old data
// again, or, where even that failed, settle() has to be called. Nobody else may change the root meanwhile.
std::vector<std::string> swap(const Site& site);
// After a crash at any moment: what was only staged is dropped, "aside" is undone, "in" is finished (and
// undone when it can't be). Idempotent; without a staging folder: nothing to do, unknown. A "swapped" one
// or "returned" one stays as it is; new_data is the answer to "swapped" alone. An exchange is settled in the
// same way, to before it or after it. Throws Error when neither is possible; call it again then.
// Who ran on half-moved data may have made an entry under a name that still has to be moved: that one is
// moved aside, and kept.
Holds settle(const Site& site);
// What was, as json_text, relative to the folder that the staging folder lies in: the first 100.
[[nodiscard]] std::vector<std::string> strays(const Site& site);
// Does old/ hold anything.
[[nodiscard]] bool keeps_old(const Site& site);
// After "swapped": the old data comes back by the same steps, and what was new is kept in new/ ("returned").
// Again: the other way round. The root itself gets the attributes it had when that data was last in it.
// Throws as swap() does.
void exchange(const Site& site);
// Removes the staging folder and all in it but strays (before "swapped" what somebody else made is one), any
// depth, never what is mounted in it; absent is
// fine. A call that was cut is ended by the next, or by settle(). Refuses (Error, failed) while an exchange
// or swap is under way ("aside", "in" and their like).
void discard(const Site& site);
// The same after "returned", for new data that nobody was asked about: what somebody else made among it is
// moved to strays/ first.
void abandon(const Site& site);

// A worker goes on where its controller was killed, and the next controller's worker comes upon it: it waits
// here until that one has ended. It excludes who holds the same staging folder, if there is one; with
// Reach::root all that hold anything in the root. Goes with the object. Throws Error when the root can't be
// opened, and (busy) after 20 minutes; where the file system knows no locks it excludes nobody.
enum class Reach { staging, root };
struct Hold {
    stream::Descriptor root, staging;
};
[[nodiscard]] Hold hold(const Site& site, Reach reach);

// For a root that has no room for both (staging_emptying.cpp). What it holds must be whole elsewhere, and
// nobody may use it.
//
// Throws Error (destination) naming a mount point that lies deeper than the root's top, or on what is to go:
// neither swap() nor empty_root() could do with it.
void check_emptying(const Site& site);
// Removes what the root holds, of a single file that alone, and this run's staging folder in whatever phase
// it is. Stays: mount points, the staging folders of other runs, the root itself. Calls check_emptying()
// first. Throws Error; then a part may be gone. Called again it does the rest.
void empty_root(const Site& site);
// Removes this run's staging folder in whatever phase it is; absent is fine. The root's times stay.
void sweep_staging(const Site& site);

} // namespace miraclemax::archive
