// A folder of backups, each a folder of its own.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace miraclemax::store {

// A backup's id: "20251016_030000", with "_2", "_3" … when that exists or would not lie after the newest.
[[nodiscard]] bool is_backup_id(const std::string& name);

// What a removal has withdrawn and not deleted yet: swept.
inline constexpr std::string_view removed_prefix = ".removed-";

// Held for a run; dies with its holder (flock on <root>/.lock, close-on-exec).
class Lock {
public:
    virtual ~Lock() = default;
};

// A backup under way: <root>/.partial-<id>/. The destructor without publish() removes it.
class Partial {
public:
    Partial(const std::filesystem::path& root, std::string id);
    ~Partial();
    Partial(const Partial&) = delete;
    Partial& operator=(const Partial&) = delete;

    [[nodiscard]] const std::string& id() const { return id_; }
    [[nodiscard]] const std::filesystem::path& path() const { return path_; }
    // A private folder for one component's worker, made anew (emptied when it exists).
    std::filesystem::path work_folder(const std::string& component);
    // Moves a finished file from the component's work folder to <category>/<leaf>; returns
    // "<category>/<leaf>".
    std::string adopt(const std::string& component, const std::string& category, const std::string& leaf);
    // Takes back what adopt() returned; the category's folder goes with its last file.
    void retract(const std::string& relative);
    void drop_work_folder(const std::string& component);
    void write(const std::string& relative, const std::string& content); // 0600, fsynced
    // Where a file of this name is to be made; its folder is there.
    [[nodiscard]] std::filesystem::path place(const std::string& relative);
    // Everything durable, then one rename to <root>/<id>. Throws Error (destination); then nothing is
    // visible.
    void publish();

private:
    std::filesystem::path root_;
    std::string id_;
    std::filesystem::path path_;
    bool published_ = false;
};

// reading: nothing is written to it, not even to try; a disk that was put in for a recovery may be read-only.
enum class Use { reading, writing };

class BackupFolder {
public:
    // Throws Error (destination) when it is missing, not a folder, or for writing and not writable, with the
    // remedy.
    explicit BackupFolder(std::filesystem::path root, Use use = Use::writing);
    // Throws Error (busy) naming the other run's pid and start where known.
    [[nodiscard]] std::unique_ptr<Lock> lock();
    // As lock(), so that nobody prunes what is read and no two restores run at once. Where the folder can't
    // be written, nobody else here prunes it: then the second holds by a lock on the file `instead`, made if
    // missing.
    [[nodiscard]] std::unique_ptr<Lock> lock_for_restore(const std::filesystem::path& instead);
    [[nodiscard]] std::vector<std::string> ids() const; // published, oldest first by name
    [[nodiscard]] std::filesystem::path path_of(const std::string& id) const;
    [[nodiscard]] std::optional<std::string> latest() const;
    void set_latest(const std::string& id);                                             // atomic
    [[nodiscard]] std::string next_id(std::chrono::system_clock::time_point now) const; // local time
    // Withdraws a published backup: one rename, out of everybody's sight. Refuses the one that `latest`
    // points to. False: it was pinned at the last moment, and is where it was. The lock must be held. Throws
    // Error (not_found, failed, destination).
    [[nodiscard]] bool withdraw(const std::string& id);
    // Deletes what was withdrawn, and its mark. The lock must be held. Throws Error (destination): then the
    // rest is for sweep().
    void discard(const std::string& id);
    // Both. Throws Error (failed) too when it is pinned.
    void remove(const std::string& id);
    // A pinned backup is never removed by retention. The mark lies beside the backups: <root>/.pinned/<id>.
    // No lock is needed: when pin() returns, no removal that runs takes it.
    void pin(const std::string& id);
    void unpin(const std::string& id);
    [[nodiscard]] bool is_pinned(const std::string& id) const;
    // Removes what dead runs left (.partial-*, half-made links). The lock must be held.
    std::vector<std::string> sweep();
    [[nodiscard]] std::uint64_t free_bytes() const;
    [[nodiscard]] const std::filesystem::path& root() const { return root_; }
    // Where the records of backups that were removed lie, <id>.json each.
    [[nodiscard]] std::filesystem::path removal_records() const { return root_ / ".removed"; }

private:
    std::filesystem::path root_;
};

} // namespace miraclemax::store
