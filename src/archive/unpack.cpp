#include "archive/unpack.hpp"

#include "archive/earlier_entries.hpp"
#include "archive/extraction.hpp"
#include "archive/inventory_reader.hpp"
#include "archive/tar_reader.hpp"
#include "error.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace miraclemax::archive {
namespace {

constexpr std::uint64_t kTellBytes = 8 << 20;
constexpr std::uint64_t kTellEntries = 1000;
constexpr std::uint64_t kUntoldFolders = 1000; // and as many as there are entries

[[noreturn]] void refuse(const std::string& why) {
    throw Error(ExitCode::damaged, why);
}

class Unpacking {
public:
    Unpacking(stream::Source& tar, stream::Source& inventory, const Promise& promise, int into,
              const UnpackOptions& options, const UnpackProgress& progress)
        : promise_(promise), only_(options.only), progress_(progress), tar_(tar, promise),
          inventory_(inventory, promise.single), earlier_(promise.entries),
          laid_data_([this](std::span<const std::byte> bytes) {
              extraction_->data(bytes);
              tell(bytes.size());
          }),
          laid_hole_([this](std::uint64_t length) { extraction_->hole(length); }),
          seen_data_([this](std::span<const std::byte> bytes) { tell(bytes.size()); }),
          seen_hole_([](std::uint64_t) {}) {
        while (only_.ends_with('/'))
            only_.pop_back();
        if (into >= 0)
            extraction_.emplace(into, promise, options, result_);
    }

    Unpacked run() {
        ArchivedEntry entry, next;
        for (bool more = tar_.next(entry); more; std::swap(entry, next)) {
            met(entry);
            lay(entry);
            more = tar_.next(next);
            if (more && again(entry, next)) {
                if (wanted(entry))
                    extraction_->drop_file();
                std::swap(entry, next);
                lay(entry);
                more = tar_.next(next);
            }
            settle(entry);
        }
        finish();
        return std::move(result_);
    }

private:
    std::string name_of(const ArchivedEntry& entry) const {
        return shown(promise_.prefix + "/" + entry.path);
    }

    // A big file that moved while it was backed up follows once more, and only then counts.
    static bool again(const ArchivedEntry& entry, const ArchivedEntry& next) {
        return entry.regular() && next.regular() && entry.path == next.path &&
               static_cast<std::uint64_t>(entry.status.st_size) > kSmall;
    }

    // Only what lies on the way to the one that is asked for, or in it, is laid down.
    bool asked_for(const ArchivedEntry& entry) const {
        if (only_.empty() || entry.path == only_ || lies_in(entry.path, only_))
            return true;
        return entry.folder() && lies_in(only_, entry.path);
    }
    bool wanted(const ArchivedEntry& entry) const { return extraction_ && asked_for(entry); }

    void met(const ArchivedEntry& entry) {
        if (result_.entries != 0 && compare_paths(entry.path, last_) <= 0)
            refuse(name_of(entry) + (entry.path == last_ ? " stands twice in the archive"
                                                         : " is out of order in the archive"));
        if (result_.entries == promise_.entries)
            refuse(name_of(entry) + ": the archive has more entries than the manifest says");
        if (!last_folder_ && lies_in(entry.path, last_))
            refuse(name_of(entry) + " lies in what is no folder");
        untold_folders_ += untold_above(entry.path);
        if (untold_folders_ > kUntoldFolders + promise_.entries)
            refuse(name_of(entry) + ": the archive has hardly an entry of the folders that it lies in");
        last_ = entry.path;
        last_folder_ = entry.folder();
        inventory_.find(entry, promise_.prefix);
        found_ = found_ || entry.path == only_;
    }

    // How many folders that the archive has no entry of are to be made for this one. A folder has none where
    // the format could not hold it; a path of a mebibyte names half a million.
    std::uint64_t untold_above(std::string_view path) const {
        const std::string_view last(last_);
        const std::size_t same = static_cast<std::size_t>(
            std::mismatch(path.begin(), path.end(), last.begin(), last.end()).first - path.begin());
        std::string_view rest = path; // what follows the deepest folder that is known
        if (last_folder_ && same == last.size() && lies_in(path, last))
            rest.remove_prefix(same == 0 ? 0 : same + 1);
        else if (const auto slash = path.substr(0, same).rfind('/'); slash != std::string_view::npos)
            rest.remove_prefix(slash + 1);
        return static_cast<std::uint64_t>(std::count(rest.begin(), rest.end(), '/'));
    }

    void lay(const ArchivedEntry& entry) {
        digest_ = {};
        const bool lay_down = wanted(entry);
        if (entry.regular()) {
            if (lay_down)
                extraction_->begin_file(entry);
            digest_ = tar_.content(entry, inventory_.digest_of(),
                                   {.data = lay_down ? laid_data_ : seen_data_,
                                    .hole = lay_down ? laid_hole_ : seen_hole_})
                          .digest;
        } else if (entry.another) {
            check_link(entry);
            if (lay_down)
                extraction_->another_name(entry, inventory_.type());
        } else if (lay_down) {
            entry.folder() ? extraction_->folder(entry) : extraction_->special(entry);
        }
    }

    // The archive tells nothing of it but the first name, so the line that it shares with that one has to.
    void check_link(const ArchivedEntry& entry) {
        if (!earlier_.has(entry.link, inventory_.tail()))
            refuse(name_of(entry) + " is a hard link to " + shown(promise_.prefix + "/" + entry.link) +
                   ", which is not there before it, or is another one in the inventory");
        if (asked_for(entry) && !only_.empty() && entry.link != only_ && !lies_in(entry.link, only_))
            throw Error(ExitCode::failed,
                        name_of(entry) + " is another name of " + shown(promise_.prefix + "/" + entry.link) +
                            ", which is not asked for, and with which its content is kept",
                        "Ask for that one, or for a folder that both are in.");
    }

    void settle(const ArchivedEntry& entry) {
        inventory_.compare(entry, digest_, name_of(entry));
        if (entry.regular() && wanted(entry))
            extraction_->end_file(entry);
        if (!entry.folder() && !entry.another)
            earlier_.add(entry.path, inventory_.tail());
        ++result_.entries;
        if (inventory_.type() == "file" && ++result_.files > promise_.files)
            refuse(name_of(entry) + ": the archive has more files than the manifest says");
        tell(0);
    }

    void finish() {
        inventory_.finish(result_.entries == 0 ? "nothing" : shown(promise_.prefix + "/" + last_));
        if (result_.entries != promise_.entries || result_.files != promise_.files)
            refuse("the archive has " + std::to_string(result_.entries) + " entries and " +
                   std::to_string(result_.files) + " files, the manifest says " +
                   std::to_string(promise_.entries) + " and " + std::to_string(promise_.files));
        if (!only_.empty() && !found_)
            throw Error(ExitCode::not_found, "the backup has no " + shown(promise_.prefix + "/" + only_));
        if (extraction_)
            extraction_->finish();
        if (progress_)
            progress_(result_);
    }

    void tell(std::uint64_t bytes) {
        result_.bytes += bytes;
        if (result_.bytes - told_bytes_ < kTellBytes && result_.entries - told_entries_ < kTellEntries)
            return;
        told_bytes_ = result_.bytes;
        told_entries_ = result_.entries;
        if (progress_)
            progress_(result_);
    }

    const Promise& promise_;
    std::string only_;
    const UnpackProgress& progress_;
    Unpacked result_;
    TarReader tar_;
    InventoryReader inventory_;
    EarlierEntries earlier_;
    std::optional<Extraction> extraction_;
    const std::function<void(std::span<const std::byte>)> laid_data_;
    const std::function<void(std::uint64_t)> laid_hole_;
    const std::function<void(std::span<const std::byte>)> seen_data_;
    const std::function<void(std::uint64_t)> seen_hole_;
    ContentDigest digest_; // of the last content
    std::string last_;     // path of the last entry
    bool last_folder_ = true;
    std::uint64_t untold_folders_ = 0;
    bool found_ = false; // the one that is asked for
    std::uint64_t told_bytes_ = 0, told_entries_ = 0;
};

} // namespace

Unpacked unpack(stream::Source& tar, stream::Source& inventory, const Promise& promise, int into,
                const UnpackOptions& options, const UnpackProgress& progress) {
    return Unpacking(tar, inventory, promise, into, options, progress).run();
}

} // namespace miraclemax::archive
