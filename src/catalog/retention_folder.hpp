// A backup while retention judges it. Internal to catalog.
#pragma once

#include "catalog/retention_rules.hpp"

namespace miraclemax::catalog {

struct Folder {
    RetentionRecord record;
    CalendarTime ended;
    std::vector<bool> good = {};           // by component: and so is what it stands on
    std::vector<std::string> reasons = {}; // by component, to keep it; empty: none
    std::string keep = {};                 // why the folder stays; empty: it goes
};

// One component in one folder.
struct Copy {
    Folder* folder;
    std::size_t index;
    [[nodiscard]] bool good() const { return folder->good[index]; }
    [[nodiscard]] const HeldComponent& held() const { return folder->record.components[index]; }
    [[nodiscard]] RuledCopy ruled() const {
        return {.ended = &folder->ended, .reason = &folder->reasons[index]};
    }
};

[[nodiscard]] const RetentionRules& rules_for(const RetentionPolicy& policy, const std::string& component);
// The reasons of its wanted components, each with their names unless it is that of all; empty: none.
[[nodiscard]] std::string why_kept(const Folder& folder);
[[nodiscard]] RetentionVerdict verdict_on(const Folder& folder, const RetentionPolicy& policy);

} // namespace miraclemax::catalog
