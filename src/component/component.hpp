// One thing that is backed up and restored by name, and the rules that labels and configuration give it.
#pragma once

#include "podman/types.hpp"

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace miraclemax::component {

enum class Encryption { required, optional, never };
enum class Priority { critical, high, medium, low };
// What a component or a container asks for; `automatic` is "pause; stop only where pausing is impossible and
// stopping is safe".
enum class Quiesce { automatic, pause, stop, none };

[[nodiscard]] const char* name_of(Encryption value);
[[nodiscard]] const char* name_of(Priority value);
[[nodiscard]] const char* name_of(Quiesce value);
// nullopt: no such word.
[[nodiscard]] std::optional<Encryption> encryption_from(const std::string& word);
[[nodiscard]] std::optional<Priority> priority_from(const std::string& word);
[[nodiscard]] std::optional<Quiesce> quiesce_from(const std::string& word);
// "500ms", "90s", "5m", "1h"; a bare number is seconds. nullopt: not a duration or not above zero.
[[nodiscard]] std::optional<std::chrono::milliseconds> duration_from(const std::string& text);

// Where the data is.
struct Source {
    enum class Kind { volume, path };
    Kind kind = Kind::volume;
    std::string
        path{}; // on the host: the volume's mountpoint (o=bind: its device), or the bind mount's source
    std::string volume{}; // name, for Kind::volume
    std::string driver{};
    std::string created_at{};
    podman::Labels labels{};
    std::map<std::string, std::string> options{};
    // A plain local volume with NeedsCopyUp and NeedsChown that no container knows: podman has never mounted
    // it. Only `podman volume import` or a hand on the host can have put data there: it is to be recorded as
    // empty without mounting it, once a look at `path` (where it can be seen) has found nothing.
    bool never_mounted = false;
    // Other host paths that lead to the same data: the mountpoints of o=bind volumes over `path`.
    std::vector<std::string> aliases{};
    // A plain local volume (no options): its mountpoint holds the data whether a container runs or not.
    [[nodiscard]] bool plain() const { return kind == Kind::path || (driver == "local" && options.empty()); }
};

struct Component {
    std::string name{};     // [A-Za-z0-9][A-Za-z0-9_.-]{0,63}, unique
    std::string category{}; // the same
    Encryption encryption = Encryption::optional;
    Priority priority = Priority::medium;
    Quiesce quiesce = Quiesce::automatic;
    bool optional = false; // only with --full
    std::string group{};   // empty: none named
    std::vector<std::string> exclude{};
    std::optional<std::chrono::milliseconds> max_freeze{};
    Source source{};
    std::string selected_by{}; // "label of volume n8n-data", "label of container web", "configuration"
};

} // namespace miraclemax::component
