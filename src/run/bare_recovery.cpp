#include "run/bare_recovery.hpp"

#include "error.hpp"
#include "openpgp/encryption.hpp"

#include "quiesce/journal.hpp"

#include <algorithm>

namespace miraclemax::run {
namespace {

std::vector<RestoreRecord> cut_off(const RestoreRecords& records, const Alive& alive, bool folders) {
    auto all = all_cut_off(records, alive);
    std::erase_if(all, [&](const RestoreRecord& each) { return needs_no_podman(each) != folders; });
    return all;
}

std::vector<std::string> left_for_podman(const Settings& settings, const Alive& alive) {
    std::vector<std::string> left;
    for (const auto& each : quiesce::leftovers(settings.journals())) {
        for (const auto& entry : each.open)
            left.push_back("container " + entry.name);
        if (!each.trouble.empty())
            left.push_back("what run " + each.run + " froze (" + each.trouble + ")");
    }
    for (const auto& record : cut_off(RestoreRecords(settings), alive, false))
        for (const auto& each : record.components)
            left.push_back("component " + each.component);
    return left;
}

} // namespace

bool needs_no_podman(const RestoreRecord& record) {
    return record.no_podman &&
           std::all_of(record.components.begin(), record.components.end(),
                       [](const auto& each) { return each.beside && each.volume.empty(); });
}

Recovery recover_without_podman(const Settings& settings, podman::Engine& engine,
                                const std::string& no_podman, const std::stop_token& stop,
                                std::chrono::milliseconds patience) {
    openpgp::Home::sweep();
    const Alive alive = [&](const std::string& run) { return quiesce::alive(settings.journals(), run); };
    RestoreRecords records(settings);
    Recovery recovery{.data = {}, .containers = {}, .workers = {}};
    if (!cut_off(records, alive, true).empty()) {
        const Host host{.info = {}, .volumes = {}, .containers = {}, .self = {}, .no_podman = no_podman};
        const auto lock = records.lock(patience);
        if (!lock)
            recovery.data.push_back(in_other_hands());
        else
            recovery.data =
                settle_cut_off(settings, engine, host, records, cut_off(records, alive, true), alive, stop);
    }
    recovery.for_podman = left_for_podman(settings, alive);
    return recovery;
}

} // namespace miraclemax::run
