// The programs of the host that an installation needs (systemctl, loginctl, podman), behind an interface that
// tests fake.
#pragma once

#include <memory>
#include <string>
#include <vector>

namespace miraclemax::installation {

struct Answer {
    int code = 0;       // as the program ended; 127: it is not there, 128 and more: it was killed
    std::string said{}; // its stdout and stderr, at most 64 KiB
};

class Outside {
public:
    Outside() = default;
    Outside(const Outside&) = delete;
    Outside& operator=(const Outside&) = delete;
    virtual ~Outside() = default;
    // Waits for its end. words[0] is looked for in /usr/local/bin, /usr/bin, /bin and the sbin folders.
    virtual Answer run(const std::vector<std::string>& words) = 0;
};

// No shell; no input; of the environment only what a user's systemd needs (HOME, USER, XDG_RUNTIME_DIR,
// DBUS_SESSION_BUS_ADDRESS).
std::unique_ptr<Outside> host_programs();

// For people: the words, those with blanks in quotes.
std::string spelled(const std::vector<std::string>& words);

} // namespace miraclemax::installation
