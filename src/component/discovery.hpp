// Which volumes and paths are backed up, from podman's lists, labels and configuration. Pure: no I/O but
// canonicalising nothing; all facts come in.
#pragma once

#include "component/component.hpp"

namespace miraclemax::component {

// What one label set or configuration entry says, word by word; absent means silent.
struct Choice {
    std::optional<std::string> backup{}, component{}, category{}, encryption{}, priority{}, quiesce{},
        group{}, max_freeze{};
    std::optional<std::vector<std::string>> exclude{};
};

// How long one entry's backups are kept, rule by rule as `retention.` has them; absent means as there.
struct Keep {
    std::optional<unsigned> days{}, last{}, hourly{}, daily{}, weekly{}, monthly{}, yearly{};
    friend bool operator==(const Keep&, const Keep&) = default;
};

// One entry of the configuration's `components:`: a volume by name, or a host path.
struct Configured {
    std::string volume{}; // exactly one of the two is set
    std::string path{};
    Choice choice{};
    Keep keep{};
    std::string where{}; // "config.yml line 12", for messages
};

struct Facts {
    std::vector<podman::Volume> volumes{};
    std::vector<podman::Container> containers{};
    std::vector<Configured> configured{};
    std::optional<std::string> self_id{};                 // the sidecar's own container
    Encryption encryption_default = Encryption::optional; // where neither label nor configuration says
    // The sidecar's state and backup folder as this process sees them: never part of a backup, whatever is
    // labelled.
    std::vector<std::string> own_folders{"/backups", "/var/lib/miraclemax"};
};

struct Excluded {       // seen, and why it is not backed up
    std::string what{}; // "volume prometheus-data"
    std::string why{};
};

// A component that was asked for and can't be backed up as it stands: the run counts it as failed.
struct Problem {
    std::string component{}; // its name as far as known, else the volume's, path or container
    std::string what{};      // "label miraclemax.quiesce of volume n8n-data is \"freeze\""
    std::string remedy{};    // "use auto, pause, stop or none"
};

struct Discovery {
    std::vector<Component> components{}; // sorted by priority, then name
    std::vector<Excluded> excluded{};
    std::vector<Problem> problems{};
    std::vector<std::string> warnings{};
};

// Precedence: configuration, then container label (miraclemax.mounts), then volume label, then default; for
// encryption the stricter wins. A wrong value fails its component, unless a right one of higher rank replaces
// it. An entry of the configuration or of miraclemax.mounts that is silent about `backup` selects (a volume
// label's `optional` still holds). Labels: miraclemax.backup .component .category .encryption .priority
// .quiesce .group .exclude .max-freeze on volumes; miraclemax.mounts on containers. An unknown miraclemax.*
// label is a named warning with the nearest known spelling.
Discovery discover(const Facts& facts);

// The first container that has the volume, or its folder, in whatever state; null: none. podman itself
// doesn't see who has the folder mounted, and not the volume.
const podman::Container* user_of(const podman::Volume& volume,
                                 const std::vector<podman::Container>& containers);

// What to add where nothing is labelled: text of a few lines, made for this host's volumes.
std::string guide(const Facts& facts);

// What the labels of a container say about freezing it. Throws Error (config) naming label and container.
struct Hook {
    std::vector<std::string> argv{}; // as given, or
    std::string ready{};             // the name of a ready hook in hooks/
    [[nodiscard]] bool empty() const { return argv.empty() && ready.empty(); }
};
struct ContainerRules {
    std::optional<Quiesce> quiesce{};
    Hook before{}, after{};
    std::chrono::seconds hook_timeout{30};
};
ContainerRules rules_of(const podman::Container& container);

} // namespace miraclemax::component
