// What a restore has in a component's root, on disk before it is there: <state>/restores/<run>.json. It stays
// for as long as the moved-aside data does.
#pragma once

#include "run/settings.hpp"
#include "stream/file.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace miraclemax::run {

enum class Step {
    staging,    // new data is being unpacked beside the old
    swapping,   // names are being moved: the root may hold a part of each
    swapped,    // the root holds the new data, the old lies aside
    undoing,    // names are being moved back
    undone,     // the root holds the old data again, the new lies aside
    returning,  // its group failed or was cut off: it gets its old data back, and nothing stays aside
    emptied,    // restored in place: the old data is in the backup `safety` alone, the root is anything
    discarding, // the root holds what it holds; what lies aside is being removed, and can't come back
    making,     // its volume is being made for it, and may not be there yet: nothing is known of it
    strays,     // the root holds what it holds, and nothing lies aside but `strays`
};

struct RestoredComponent {
    std::string component;
    std::string backup;            // id
    std::string volume;            // or empty
    std::string volume_created_at; // as podman wrote it
    std::string path;              // host path of the data
    bool single = false;           // a single file
    std::string only;              // just this path of it
    Step step = Step::staging;
    std::string acting{}; // the run that moves its names, where that is not the record's own (an undo)
    bool beside = false;  // restored beside the original: no business of undo and letting go
    // Its restore group, by the name of that group's first member: they are swapped together. All of them are
    // in the record before the first is swapped. Empty in older records: a group of its own.
    std::string group{};
    std::string safety{}; // restored in place: id of the backup that holds the old data
    // The recoveries that stopped who used it, to put it in order.
    std::vector<std::string> halted_by{};
    bool made = false; // its volume was made for it, and goes again where this comes to nothing
    // What somebody else made while its names were moved, as archive::strays() has it. The user lets go
    // of it.
    std::vector<std::string> strays{};
    bool strays_told = false; // of these, to the user
};

struct RestoreRecord {
    std::string run;
    std::string at; // local time with offset
    std::vector<RestoredComponent> components;
    std::int64_t began = 0; // nanoseconds since 1970: the order of restores (a run's name is only unique)
    bool no_podman = false; // made where podman wasn't: nobody was stopped for it
    std::string trouble{};  // not empty: the file can't be read, and all that is known is the run
};

// The records of this host. Every write is durable when it returns.
class RestoreRecords {
public:
    explicit RestoreRecords(const Settings& settings) : folder_(settings.restores()) {}
    // Oldest first; without a folder none. Throws Error (failed) when it can't be read.
    [[nodiscard]] std::vector<RestoreRecord> all() const;
    // One without components is removed. While new data is only unpacked, room is set aside for what has to
    // be written once the containers are stopped, though the disk be full by then.
    void keep(const RestoreRecord& record);
    // For whoever settles what dead runs left: one at a time. Empty: another still has it after `patience`.
    [[nodiscard]] stream::Descriptor lock(std::chrono::milliseconds patience) const;

private:
    void make_folder() const;
    void keep_now(const RestoreRecord& record) const;
    void set_aside() const noexcept;

    std::filesystem::path folder_;
    std::filesystem::path spare_ = folder_ / ".spare";
};

// What the record says of a component, until the record changes. Throws Error (failed) where it says nothing;
// entry_of() is nullptr then.
[[nodiscard]] RestoredComponent& find(RestoreRecord& record, const std::string& component);
[[nodiscard]] RestoredComponent* entry_of(RestoreRecord& record, const std::string& component);

// One component's next step, kept at once; `acting` is the run that takes it, where it is another's. Throws
// Error; then `record` is as it was.
void advance(RestoreRecords& records, RestoreRecord& record, const std::string& component, Step step,
             const std::string& acting = {});
// Several at once, in one write: what is meant for a group is known for all of it or for none.
void advance(RestoreRecords& records, RestoreRecord& record, const std::vector<std::string>& components,
             Step step, const std::string& acting = {});
// The run that has the component in hand: while it lives, nobody else touches it.
[[nodiscard]] std::string actor(const RestoreRecord& record, const RestoredComponent& component);
// Restored together: of one group of one record.
[[nodiscard]] bool together(const RestoredComponent& one, const RestoredComponent& other);
// Whether a run lives. Where nothing is named, its journal's lock tells at that moment: a recovery that looks
// at a dead run's journal holds it too, and for that moment the run seems to live.
using Alive = std::function<bool(const std::string& run)>;
// Its names are being moved, or it is being unpacked or made, by a living run or a dead one.
[[nodiscard]] bool in_motion(const RestoredComponent& each);
// The first such component; empty: nowhere. Reads the state folder alone.
[[nodiscard]] std::string in_motion(const Settings& settings);
// A run that is dead has left something in the record's components.
[[nodiscard]] bool any_cut_off(const RestoreRecord& record, const Alive& alive);
[[nodiscard]] std::vector<RestoreRecord> all_cut_off(const RestoreRecords& records, const Alive& alive);
// While this is so, the containers of the run that has the component in hand may not be started, if it is
// dead: its data, or that of another of its group, is half moved.
[[nodiscard]] bool holds_up(const RestoreRecord& record, const RestoredComponent& each);
// It has strays that nobody was told of yet.
[[nodiscard]] bool untold(const RestoredComponent& each);
// It has nothing in that component's root any more.
void forget(RestoreRecords& records, RestoreRecord& record, const std::string& component);

} // namespace miraclemax::run
