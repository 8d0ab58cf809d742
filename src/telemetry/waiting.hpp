// The outbox's files: a message with the channels that still miss it, and the counts. JSON, version 1.
#pragma once

#include "telemetry/notifications.hpp"

#include <map>
#include <optional>

namespace miraclemax::telemetry {

struct Tries {
    unsigned count = 0;        // that failed, or were not seen to end
    std::optional<Time> first; // try
    std::optional<Time> last;  // try, or when it was held back behind an earlier message (count is 0 then)
    bool operator==(const Tries&) const = default;
};

struct Waiting {
    std::filesystem::path file;
    Message message;
    std::map<std::string, Tries> channels; // by name
};

struct Counts {
    std::uint64_t sent = 0, failed = 0;
    std::vector<std::string> done; // ids of the last messages that left the outbox, the newest last
};

// The name of a message's file: "20251016T010000Z-<id>.json", the id as far as it is plain.
[[nodiscard]] std::string file_name(const Message& message);
// Durable, whole or not at all. Throws Error.
void save(const Waiting& waiting);
void save(const std::filesystem::path& folder, const Counts& counts);

// Everything that waits, the oldest first. A damaged file is passed over, or, with `told`, put aside as
// "<name>.damaged" and told.
[[nodiscard]] std::vector<Waiting> waiting_in(const std::filesystem::path& folder,
                                              std::vector<std::string>* told);
[[nodiscard]] Counts counts_in(const std::filesystem::path& folder, std::vector<std::string>* told);
// What a killed process left behind half-written, an hour ago or longer.
void sweep(const std::filesystem::path& folder);

} // namespace miraclemax::telemetry
