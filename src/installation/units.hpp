// The texts that are written: Quadlet units (podman-systemd.unit(5), podman 4.4 and later),
// systemd.service(5), systemd.timer(5), a compose file, and the configuration with other values.
#pragma once

#include "installation/plan.hpp"

namespace miraclemax::installation {

std::string container_unit(const Places& places, const std::string& image, const std::string& zone);
std::string volume_unit();

std::string backup_service(const Places& places, const std::string& program);
std::string backup_timer();
std::string verify_service(const Places& places, const std::string& program);
std::string verify_timer();
std::string recover_service(const Places& places, const std::string& program); // at boot

// Paths in it are relative to its folder.
std::string compose_file(const std::string& image, const std::string& zone, bool rootless);

// The text of `miraclemax config` with another value for an option ("backup.folder"). Throws Error (failed)
// when the option does not stand in it.
std::string with_value(const std::string& text, const std::string& key, const std::string& value);

} // namespace miraclemax::installation
