// A small host whose data is restored by real workers, and what a killed restore leaves on it.
#pragma once

#include "archive/staging.hpp"
#include "run/execution.hpp"
#include "run/in_place_plan.hpp"
#include "run/recover.hpp"
#include "run/restore.hpp"
#include "run/undo_restore.hpp"
#include "unit/run/house.hpp"

#include <sys/wait.h>

namespace miraclemax::run {

class Follower : public RestoreObserver {
public:
    void examining(const std::string&, std::uint64_t, std::uint64_t) override {}
    void unpacking(const RestoreItem&, const archive::Unpacked&) override {}
    void unpacked(const RestoreItem& item, const archive::Unpacked&) override {
        if (on_unpacked)
            on_unpacked(item);
    }
    void stopping(const std::string&, const std::vector<std::string>& containers) override {
        stopped.insert(stopped.end(), containers.begin(), containers.end());
    }
    void started(const std::string&, const quiesce::FreezeReport&) override {}
    void health(const Health& health) override {
        if (on_health)
            on_health(health);
    }
    std::vector<std::string> stopped;
    std::function<void(const Health&)> on_health;
    std::function<void(const RestoreItem&)> on_unpacked;
};

class Restoring : public House {
protected:
    Restoring() {
        settings.settle_time = std::chrono::milliseconds(0);
        add("data", "app");
    }

    Context context() {
        return {.settings = settings,
                .engine = engine,
                .self_id = {},
                .observer = recorder,
                .stop = stop.get_token()};
    }
    RestorePlan plan(const RestoreRequest& request = {}) {
        const store::BackupFolder folder(settings.backups);
        return plan_restore(survey(engine, {}), catalog::Catalog(folder), request);
    }
    // With the room looked for.
    RestorePlan found(const RestoreRequest& request = {}) {
        auto planned = plan(request);
        find_room(context(), survey(engine, {}), planned, request);
        return planned;
    }
    RestoreResult restore_all(const RestoreRequest& request = {}) {
        return restore(context(), follower, plan(request), {}, request);
    }
    std::vector<std::string> discard_all(const std::vector<std::string>& components = {}) {
        return discard_old(context(), all_aside(RestoreRecords(settings), components));
    }
    std::filesystem::path folder(const std::string& volume) const {
        return root / "volumes" / volume / "_data";
    }
    void write(const std::string& volume, const std::string& name, const std::string& content) const {
        std::ofstream(folder(volume) / name) << content;
    }
    std::string read(const std::string& volume, const std::string& name = "file") const {
        std::ifstream file(folder(volume) / name);
        return {std::istreambuf_iterator<char>(file), {}};
    }
    // Without what a restore keeps aside.
    std::vector<std::string> names(const std::string& volume) const {
        std::vector<std::string> found;
        for (const auto& entry : std::filesystem::directory_iterator(folder(volume)))
            if (!entry.path().filename().string().starts_with(".miraclemax-"))
                found.push_back(entry.path().filename());
        std::sort(found.begin(), found.end());
        return found;
    }
    bool aside(const std::string& volume) const {
        for (const auto& entry : std::filesystem::directory_iterator(folder(volume)))
            if (entry.path().filename().string().starts_with(".miraclemax-"))
                return true;
        return false;
    }

    Follower follower;
};

} // namespace miraclemax::run
