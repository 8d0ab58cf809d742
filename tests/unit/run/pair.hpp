// A group of two, and what a killed restore leaves of it.
#pragma once

#include "error.hpp"
#include "unit/run/restoring_house.hpp"

namespace miraclemax::run {

// Two volumes of two containers, frozen together.
class Pair : public Restoring {
protected:
    Pair() {
        add("db", "server", {{"miraclemax.group", "both"}});
        add("files", "web", {{"miraclemax.group", "both"}});
    }

    void add_user_of_both() {
        engine.add_container(
            {.name = "both",
             .mounts = {
                 {.type = "volume", .name = "db", .source = folder("db"), .destination = "/db"},
                 {.type = "volume", .name = "files", .source = folder("files"), .destination = "/files"}}});
    }

    void restored() {
        back_up();
        for (const auto* each : {"db", "files"})
            write(each, "file", "newer");
        ASSERT_EQ(restore_all().code, ExitCode::ok);
    }
    [[nodiscard]] std::filesystem::path staging(const std::string& volume) const {
        for (const auto& entry : std::filesystem::directory_iterator(folder(volume)))
            if (entry.path().filename().string().starts_with(".miraclemax-"))
                return entry.path();
        return {};
    }
    // Its next swap or exchange fails before anything has moved.
    void block(const std::string& volume) const {
        std::filesystem::remove(staging(volume) / "stays");
        std::filesystem::create_directory(staging(volume) / "stays");
    }
    void both_hold(const std::string& db, const std::string& files) const {
        EXPECT_EQ(read("db"), db);
        EXPECT_EQ(read("files"), files);
    }
    void both_are(podman::State state) const {
        EXPECT_EQ(engine.state("server"), state);
        EXPECT_EQ(engine.state("web"), state);
    }
    [[nodiscard]] std::map<std::string, Step> steps() const {
        std::map<std::string, Step> found;
        for (const auto& record : RestoreRecords(settings).all())
            for (const auto& each : record.components)
                found[each.component] = each.step;
        return found;
    }
    void expect_no_trace() const {
        EXPECT_FALSE(aside("db"));
        EXPECT_FALSE(aside("files"));
        EXPECT_TRUE(RestoreRecords(settings).all().empty());
    }

    // What a dead run stopped.
    void stopped_by(const std::string& run) {
        const pid_t child = ::fork();
        if (child == 0) {
            quiesce::Journal journal(settings.journals(), run);
            for (const auto* name : {"server", "web"}) {
                const auto found = engine.look(name);
                journal.intend({.id = found.id,
                                .name = name,
                                .act = quiesce::Act::stop,
                                .started_at = found.started_at});
            }
            ::_exit(0); // without a destructor: the entries stay open
        }
        ::waitpid(child, nullptr, 0);
        for (const auto* name : {"server", "web"})
            engine.stop(name, std::chrono::seconds(1));
    }
    [[nodiscard]] archive::Site site(const std::string& volume) const {
        return {.root = folder(volume), .single = false, .run = "dead-run", .only = {}};
    }
    void stage(const std::string& volume) const {
        archive::begin_staging(site(volume));
        std::ofstream(folder(volume) / ".miraclemax-dead-run/new/file") << "restored";
        archive::seal(site(volume));
    }
    struct Left {
        std::string volume;
        Step step;
        bool swapped;
        std::string group = "db";
    };
    // A killed restore's record, and the data as it says.
    void leave(const std::vector<Left>& members) {
        RestoreRecord record{.run = "dead-run", .at = "2026-01-01T00:00:00+00:00", .components = {}};
        for (const auto& each : members) {
            stage(each.volume);
            if (each.swapped)
                archive::swap(site(each.volume));
            record.components.push_back({.component = each.volume,
                                         .backup = "20260101_000000",
                                         .volume = each.volume,
                                         .volume_created_at = engine.volume(each.volume)->created_at,
                                         .path = folder(each.volume),
                                         .single = false,
                                         .only = {},
                                         .step = each.step,
                                         .group = each.group});
        }
        std::filesystem::create_directories(settings.state);
        RestoreRecords(settings).keep(record);
    }
    void mark(Step step, const std::string& acting) {
        RestoreRecords records(settings);
        for (auto record : records.all())
            for (const auto& each : std::vector(record.components))
                if (each.component != "data")
                    advance(records, record, each.component, step, acting);
    }
    // podman has neither that volume nor its container any more; made again it lies where it did.
    void without_files() {
        engine.vanish("web");
        engine.remove_volume("files");
        auto info = engine.info();
        info.volume_path = root / "volumes";
        engine.set_info(info);
    }
};

} // namespace miraclemax::run
