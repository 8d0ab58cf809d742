// Which of the two workers reads a component, and where the data is for it.
#pragma once

#include "run/host.hpp"
#include "run/settings.hpp"
#include "worker/launcher.hpp"

namespace miraclemax::run {

struct Place {
    std::string kind;       // "child", "container"
    std::string local_path; // for a child: the data as this process sees it
};

// A child where this process sees the data, else a helper container of the sidecar's own image. Throws Error
// (config) when neither can reach it, with what to mount.
Place choose_place(const Settings& settings, const Host& host, const component::Component& component);

} // namespace miraclemax::run
