// From what the host is and what is wished to a list of steps, each with what, why and how it is undone.
// Pure: looks at nothing, does nothing.
#pragma once

#include "installation/host.hpp"

#include <sys/types.h>

namespace miraclemax::installation {

enum class Way {
    quadlet, // the sidecar as a Quadlet unit
    timer,   // this program itself, started by systemd timers
    compose, // a compose file and its folder
};
const char* word(Way way); // "quadlet"
std::optional<Way> way_from(const std::string& word);

struct Wish {
    Way way = Way::quadlet;
    std::filesystem::path folder{};  // of `compose`: absolute
    std::filesystem::path backups{}; // absolute; empty: the way's own
    std::string image = "localhost/miraclemax:latest";
    std::filesystem::path program = "/usr/bin/miraclemax"; // of `timer`
    std::string instance = "miraclemax";
    bool without_key = false;
    std::filesystem::path key{};             // a public key that the user has; empty: look, else make a pair
    std::filesystem::path private_key_out{}; // absolute
    unsigned key_bits = 4096;                // of a new key pair, RSA
    bool signing_key = true;                 // of `timer`; else the first run makes it
    std::string example_config{};            // as `miraclemax config` prints it
};

// Where things are, as the running host sees them (no --root before them).
struct Places {
    std::filesystem::path config; // the file
    std::filesystem::path keys;
    std::filesystem::path backups;
    std::filesystem::path state; // of `quadlet` it holds the record alone: the sidecar's state is a volume
    std::filesystem::path units; // of `compose`: the folder
    [[nodiscard]] std::filesystem::path record() const { return state / "install.json"; }
};
Places places(const Host& host, const Wish& wish);

struct Step {
    enum class Kind { folder, file, command, public_key, key_pair, signing_key };
    Kind kind = Kind::folder;
    std::string what{}, why{}, undone{};
    std::filesystem::path path{}; // of a folder, a file, a key; of key_pair: of its public half
    std::string content{};
    mode_t mode = 0700;
    bool belongs_to_user = false;               // a file: one that is there already stays as it is
    bool is_unit = false;                       // systemd must read its files anew after it
    bool after_units = false;                   // a command: due only when a unit was written
    bool always_due = false;                    // a command: due whatever was written
    std::vector<std::string> command{}, undo{}; // undo: empty when there is nothing to undo
    std::string remedy{};                       // when the command fails
};

struct Plan {
    Way way = Way::quadlet;
    Places places{};
    std::vector<Step> steps{};
    std::vector<std::string> by_hand{}; // what is left to the user
    std::vector<std::string> reload{};  // the command after units were written or removed; empty: no systemd
    std::filesystem::path private_key_out{};
    std::string instance{};
    unsigned key_bits = 4096;
};

// Throws Error (config) for a way that this host can't go, and for a path that can't stand in a unit.
Plan make_plan(const Host& host, const Wish& wish);

} // namespace miraclemax::installation
