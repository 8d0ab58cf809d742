#include "run/in_place_plan.hpp"

#include "run/check.hpp"
#include "run/emptied.hpp"
#include "run/status.hpp"
#include "stream/file.hpp"
#include "unit/openpgp/keyring.hpp"
#include "unit/run/restoring_house.hpp"
#include "unit/store/scratch.hpp"

#include <gmock/gmock.h>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mount.h>

#include <cstring>
#include <random>

namespace miraclemax::run {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr std::size_t unit = std::size_t{256} << 10U;

class Watcher : public Follower {
public:
    void stopping(const std::string& group, const std::vector<std::string>& containers) override {
        Follower::stopping(group, containers);
        if (on_stopping)
            on_stopping();
    }
    std::function<void()> on_stopping;
};

// Two volumes on a file system of 12 units, which has no room for what was backed up beside what is there.
class InPlaceRestore : public Restoring {
protected:
    void SetUp() override {
        if (::mount("none", (root / "volumes").c_str(), "tmpfs", 0, "size=3m,mode=755") != 0)
            GTEST_SKIP() << "can't mount";
        std::filesystem::create_directories(folder("data"));
        fill("data", 'b', 7);
    }
    ~InPlaceRestore() override {
        for (const auto& mounted : {root / "backups", root / "volumes"})
            ::umount2(mounted.c_str(), MNT_DETACH);
    }
    void fill(const std::string& volume, char seed, std::size_t units, const std::string& name = "file") {
        std::ofstream(folder(volume) / name) << noise(seed, units);
    }
    static std::string noise(char seed, std::size_t units) {
        std::mt19937_64 random(static_cast<unsigned>(seed));
        std::string text(units * unit, '\0');
        for (std::size_t i = 0; i + 8 <= text.size(); i += 8) {
            const std::uint64_t next = random();
            std::memcpy(text.data() + i, &next, sizeof next);
        }
        return text;
    }
    // Backed up with 7 units of 'b', then 6 units of 'o' took their place. -> the backup's id
    std::string prepare() {
        auto id = back_up().manifest.id;
        fill("data", 'o', 6);
        engine.forget_calls();
        return id;
    }
    RestoreResult run_it(RestoreRequest request = {}, const PrivateKeys& keys = {}) {
        request.in_place = true;
        return restore(context(), watcher, found(request), keys, request);
    }
    [[nodiscard]] bool holds(char seed, std::size_t units, const std::string& volume = "data") const {
        return read(volume) == noise(seed, units);
    }
    void expect_untouched() {
        EXPECT_TRUE(holds('o', 6));
        EXPECT_FALSE(aside("data"));
        EXPECT_EQ(engine.state("app"), podman::State::running);
        EXPECT_THAT(engine.calls(), Not(Contains("stop app")));
        EXPECT_TRUE(RestoreRecords(settings).all().empty());
    }
    void ballast(std::size_t kibibytes) {
        std::ofstream(root / "volumes/ballast") << std::string(kibibytes * 1024, 'x');
    }
    [[nodiscard]] bool pinned(const std::string& id) const {
        return store::BackupFolder(settings.backups).is_pinned(id);
    }
    // A restore in place that is killed when the first component is unpacked. -> the safety backup's id
    std::string killed(const RestoreRequest& request) {
        const auto app = engine.look("app");
        EXPECT_TRUE(test::exited(test::in_child([&] {
                                     watcher.on_unpacked = [](const RestoreItem&) { ::_exit(9); };
                                     run_it(request);
                                     return 0;
                                 }),
                                 9));
        engine.stop("app", std::chrono::seconds(1)); // as the child's engine did
        return ids().back();
    }

    Watcher watcher;
};

TEST_F(InPlaceRestore, WithoutItThereIsARefusalThatNamesIt) {
    prepare();
    const auto planned = found({});
    EXPECT_FALSE(any_in_place(planned));
    const auto result = restore(context(), watcher, planned, {}, {});
    EXPECT_EQ(result.code, ExitCode::destination);
    EXPECT_THAT(result.items.front().remedy, HasSubstr("--in-place"));
    expect_untouched();
}

TEST_F(InPlaceRestore, ThePlanSaysWhichHaveNoRoom) {
    add("small", "other");
    prepare();
    const auto planned = found({.in_place = true});
    std::map<std::string, bool> in_place;
    for (const auto& group : planned.groups)
        for (const auto& item : group.items)
            in_place[item.record.name] = !item.in_place.empty();
    EXPECT_EQ(in_place, (std::map<std::string, bool>{{"data", true}, {"small", false}}));
    EXPECT_TRUE(planned.feasible());
    std::filesystem::resize_file(folder("data") / "file", unit); // now there is room
    EXPECT_FALSE(any_in_place(found({.in_place = true})));
}

TEST_F(InPlaceRestore, TwoThatHaveRoomAloneHaveNoneTogether) {
    std::filesystem::resize_file(folder("data") / "file", 4 * unit);
    add("small", "other");
    fill("small", 's', 3);
    prepare();
    fill("data", 'o', 1);
    fill("small", 't', 5);
    const auto planned = found({.in_place = true});
    std::size_t count = 0;
    for (const auto& group : planned.groups)
        for (const auto& item : group.items)
            count += item.in_place.empty() ? 0 : 1;
    EXPECT_EQ(count, 1U);
}

TEST_F(InPlaceRestore, ASafetyBackupThenTheNewDataInsteadOfTheOld) {
    const auto id = prepare();
    const auto result = run_it();
    EXPECT_EQ(result.code, ExitCode::ok);
    EXPECT_TRUE(holds('b', 7));
    EXPECT_FALSE(aside("data"));
    EXPECT_EQ(engine.state("app"), podman::State::running);
    EXPECT_THAT(engine.calls(), ElementsAre("pause app", "unpause app", "stop app", "start app"));
    EXPECT_TRUE(RestoreRecords(settings).all().empty());
    ASSERT_EQ(ids().size(), 2U);
    const auto safety = result.items.front().safety;
    EXPECT_EQ(safety, ids().back());
    EXPECT_TRUE(pinned(safety));
    EXPECT_FALSE(pinned(id));
    EXPECT_THROW(undo_restore(context(), follower, {}), Error); // nothing lies aside
    EXPECT_EQ(plan().groups.front().items.front().id, id);      // it is no "latest"
    EXPECT_EQ(run_it({.backup = safety}).code, ExitCode::ok);
    EXPECT_TRUE(holds('o', 6));
}

// Emptied is emptied: what a label excludes would be gone for good.
TEST_F(InPlaceRestore, TheSafetyBackupHoldsWhatIsExcludedToo) {
    engine.remove_volume("data");
    engine.vanish("app");
    add("data", "app", {{"miraclemax.exclude", "cache"}});
    fill("data", 'b', 7);
    prepare();
    write("data", "cache", "dear all the same");
    const auto safety = run_it().items.front().safety;
    EXPECT_THAT(names("data"), ElementsAre("file"));
    ASSERT_EQ(run_it({.backup = safety}).code, ExitCode::ok);
    EXPECT_EQ(read("data", "cache"), "dear all the same");
}

TEST_F(InPlaceRestore, WithoutRoomForTheSafetyBackupNothingIsTouched) {
    std::filesystem::create_directories(settings.backups);
    ASSERT_EQ(::mount("none", settings.backups.c_str(), "tmpfs", 0, "size=2560k,mode=700"), 0);
    prepare();
    const auto result = run_it();
    EXPECT_NE(result.code, ExitCode::ok);
    EXPECT_THAT(result.items.front().failure, HasSubstr("the safety backup could not be made"));
    EXPECT_THAT(result.items.front().remedy, HasSubstr("nothing was touched"));
    expect_untouched();
    EXPECT_EQ(ids().size(), 1U);
}

TEST_F(InPlaceRestore, ASafetyBackupThatIsNotWholeIsNone) {
    prepare();
    std::filesystem::create_directory(folder("data") / "mounted");
    ASSERT_EQ(::mount("none", (folder("data") / "mounted").c_str(), "tmpfs", 0, "size=1m"), 0);
    const auto result = run_it();
    EXPECT_EQ(result.code, ExitCode::incomplete);
    ::umount2((folder("data") / "mounted").c_str(), MNT_DETACH);
    expect_untouched();
    EXPECT_FALSE(pinned(ids().back()));
}

TEST_F(InPlaceRestore, WhatCanNotBeBackedUpIsRefusedInThePlan) {
    prepare();
    auto volume = *engine.volume("data");
    volume.labels.clear();
    engine.remove_volume("data");
    engine.add_volume(volume);
    const auto planned = found({.in_place = true});
    EXPECT_FALSE(planned.feasible());
    EXPECT_THAT(planned.groups.front().items.front().refusal, HasSubstr("can't be backed up first"));
    expect_untouched();
}

TEST_F(InPlaceRestore, AnEncryptedSafetyBackupNeedsItsKeyBeforeAnythingIsTouched) {
    prepare(); // not encrypted
    const openpgp::testing::Keyring ring;
    const auto key = ring.make_key("recipient");
    const auto file = root / "recipient.asc";
    std::ofstream(file) << ring.public_key(key);
    settings.key_files = {file};
    const auto planned = found({.in_place = true});
    try {
        require_safety_keys(planned, {});
        FAIL();
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), ExitCode::key);
    }
    const auto result = run_it(); // the last to notice is the proof
    EXPECT_EQ(result.code, ExitCode::key);
    expect_untouched();
    EXPECT_FALSE(pinned(ids().back()));
    ring.gpg("--armor --output " + (root / "secret.asc").string() + " --export-secret-keys " + key);
    const auto keys =
        load_private_keys(settings, {.files = {root / "secret.asc"}, .passphrase_file = {}, .ask = {}});
    EXPECT_NO_THROW(require_safety_keys(planned, keys));
    EXPECT_EQ(run_it({}, keys).code, ExitCode::ok);
    EXPECT_TRUE(holds('b', 7));
}

TEST_F(InPlaceRestore, ADamagedArchiveIsFoundBeforeAnythingIsTouched) {
    const auto id = prepare();
    const auto archive = settings.backups / id / "volumes/data.tar.gz";
    std::filesystem::resize_file(archive, std::filesystem::file_size(archive) - 40);
    EXPECT_EQ(run_it({.backup = id}).code, ExitCode::damaged);
    expect_untouched();
    EXPECT_EQ(ids().size(), 1U); // and before the safety backup
}

TEST_F(InPlaceRestore, WhatWouldNotFitEvenThenIsNotBegun) {
    prepare();
    fill("data", 'o', 1);
    ballast(1536);
    const auto result = run_it();
    EXPECT_EQ(result.code, ExitCode::destination);
    EXPECT_TRUE(holds('o', 1));
    EXPECT_THAT(engine.calls(), Not(Contains("stop app")));
}

TEST_F(InPlaceRestore, AFailureAfterEmptyingBringsTheOldDataBackAtOnce) {
    prepare();
    watcher.on_stopping = [&] { ballast(1408); }; // room for the old data, and not for the new
    const auto result = run_it();
    EXPECT_EQ(result.code, ExitCode::destination);
    EXPECT_TRUE(result.items.front().put_back);
    EXPECT_FALSE(result.items.front().safety.empty());
    EXPECT_TRUE(holds('o', 6));
    EXPECT_FALSE(aside("data"));
    EXPECT_EQ(engine.state("app"), podman::State::running);
    EXPECT_TRUE(RestoreRecords(settings).all().empty());
}

TEST_F(InPlaceRestore, WhereThatFailsTooItsContainersStayStopped) {
    prepare();
    std::string safety;
    watcher.on_stopping = [&] {
        ballast(1408);
        safety = ids().back();
        std::filesystem::rename(settings.backups / safety, root / "away");
    };
    try {
        run_it();
        FAIL();
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), ExitCode::not_released);
        EXPECT_THAT(error.remedy(), HasSubstr("miraclemax restore --from-backup " + safety +
                                              " --component data --in-place --force"));
    }
    EXPECT_EQ(engine.state("app"), podman::State::exited);
    EXPECT_FALSE(recover(settings, engine, {}).ok());
    EXPECT_EQ(engine.state("app"), podman::State::exited);
    std::filesystem::rename(root / "away", settings.backups / safety);
    std::filesystem::remove(root / "volumes/ballast");
    watcher.on_stopping = {};
    EXPECT_EQ(run_it({.backup = safety, .components = {"data"}}).code, ExitCode::ok);
    EXPECT_TRUE(holds('o', 6));
    EXPECT_EQ(engine.state("app"), podman::State::running);
}

// A group is of one moment: the first member is back too.
TEST_F(InPlaceRestore, AFailureOfOneMemberBringsAllBack) {
    engine.remove_volume("data");
    add("data", "", {{"miraclemax.group", "both"}});
    add("more", "other", {{"miraclemax.group", "both"}});
    fill("data", 'b', 4);
    fill("more", 'm', 3);
    back_up();
    fill("data", 'o', 4);
    fill("more", 'n', 3);
    engine.forget_calls();
    watcher.on_unpacked = [&](const RestoreItem&) { stop.request_stop(); }; // between the two
    EXPECT_THROW(run_it(), Error);
    EXPECT_TRUE(holds('o', 4));
    EXPECT_TRUE(holds('n', 3, "more"));
    EXPECT_EQ(engine.state("app"), podman::State::running);
    EXPECT_TRUE(RestoreRecords(settings).all().empty());
}

TEST_F(InPlaceRestore, KilledAfterEmptyingEverybodySaysHowItComesBack) {
    prepare();
    const auto safety = killed({});
    ASSERT_EQ(RestoreRecords(settings).all().size(), 1U);
    const auto entry = RestoreRecords(settings).all().front().components.front();
    EXPECT_EQ(entry.step, Step::emptied);
    EXPECT_EQ(entry.safety, safety);
    EXPECT_THAT(unsettled(settings), ElementsAre(RestoreRecords(settings).all().front().run));
    const auto way = "its old data is whole in backup " + safety +
                     ": run `miraclemax restore --from-backup " + safety +
                     " --component data --in-place --force`";
    for (int again = 0; again < 2; ++again) {
        const auto recovery = recover(settings, engine, {});
        EXPECT_FALSE(recovery.ok());
        ASSERT_EQ(recovery.data.size(), 1U);
        EXPECT_THAT(recovery.data.front().what, HasSubstr(way));
        EXPECT_EQ(engine.state("app"), podman::State::exited);
    }
    const auto status = status_of(settings, {}, {}, std::chrono::system_clock::now());
    EXPECT_THAT(status.unreleased,
                ElementsAre("data was being restored in place when it was cut off; " + way));
    EXPECT_FALSE(unhealthy(status, {}).empty());
    const auto findings = check(
        settings, [&]() -> std::unique_ptr<podman::Engine> { throw Error(ExitCode::podman, "no"); }, {});
    EXPECT_TRUE(std::any_of(findings.begin(), findings.end(), [&](const Finding& each) {
        return !each.ok && each.what == "component data" && each.text.find(way) != std::string::npos;
    }));
}

TEST_F(InPlaceRestore, KilledAfterEmptyingOthersGoOnAndItIsNotBackedUp) {
    add("small", "other");
    prepare();
    killed({.components = {"data"}});
    const auto backup = back_up();
    EXPECT_EQ(backup.code, ExitCode::incomplete);
    ASSERT_EQ(backup.manifest.components.size(), 1U);
    EXPECT_EQ(backup.manifest.components.front().name, "small");
    ASSERT_EQ(backup.manifest.failed.size(), 1U);
    EXPECT_THAT(backup.manifest.failed.front().reason, HasSubstr("does not hold its data"));
    EXPECT_EQ(engine.state("app"), podman::State::exited);
}

TEST_F(InPlaceRestore, AfterAKillEitherBackupCanBeRestored) {
    const auto id = prepare();
    for (const bool old : {true, false}) {
        const auto safety = killed({.backup = id});
        ballast(1152); // what is half there and this leave no room, but in place
        const auto result = run_it({.backup = old ? safety : id, .components = {"data"}});
        EXPECT_EQ(result.code, ExitCode::ok);
        EXPECT_TRUE(old ? holds('o', 6) : holds('b', 7));
        EXPECT_FALSE(aside("data"));
        EXPECT_EQ(engine.state("app"), podman::State::running);
        EXPECT_TRUE(RestoreRecords(settings).all().empty());
        EXPECT_EQ(ids().back(), safety); // no other: there was nothing to make it of
        std::filesystem::remove(root / "volumes/ballast");
        fill("data", 'o', 6);
    }
}

TEST_F(InPlaceRestore, AfterAKillTheNormalWayKeepsNoEmptiedRootAside) {
    const auto id = prepare();
    killed({});
    std::filesystem::resize_file(folder("data") / "file", unit); // it came no farther
    const auto result = restore_all({.backup = id, .components = {"data"}});
    EXPECT_EQ(result.code, ExitCode::ok);
    EXPECT_TRUE(holds('b', 7));
    EXPECT_FALSE(aside("data"));
    EXPECT_EQ(engine.state("app"), podman::State::running);
    EXPECT_TRUE(RestoreRecords(settings).all().empty());
}

TEST_F(InPlaceRestore, AfterAKillARestoreBesideItMendsNothing) {
    const auto id = prepare();
    killed({});
    std::filesystem::remove(folder("data") / "file");
    EXPECT_EQ(restore_all({.backup = id, .components = {"data"}, .to = root / "beside"}).code, ExitCode::ok);
    restore_all({.backup = id, .components = {"data"}, .only = "file"});
    EXPECT_EQ(engine.state("app"), podman::State::exited);
    EXPECT_EQ(emptied_by_the_dead(settings).size(), 1U);
}

TEST_F(InPlaceRestore, AnEmptiedVolumeThatIsGoneHoldsNobodyUp) {
    prepare();
    killed({});
    engine.vanish("app");
    engine.remove_volume("data");
    EXPECT_TRUE(recover(settings, engine, {}).ok());
    EXPECT_TRUE(RestoreRecords(settings).all().empty());
}

// Whoever looks at a dead run's journal holds its lock, and so lets it seem to live.
TEST_F(InPlaceRestore, AnEmptiedVolumeIsNotBackedUpThoughItsRunSeemsToLive) {
    add("small", "other");
    prepare();
    killed({.components = {"data"}});
    const auto run = RestoreRecords(settings).all().front().run;
    const stream::Descriptor looking(
        ::open((settings.journals() / (run + ".journal")).c_str(), O_RDWR | O_CLOEXEC));
    ASSERT_EQ(::flock(looking.get(), LOCK_EX | LOCK_NB), 0);
    ASSERT_TRUE(quiesce::alive(settings.journals(), run));
    const auto backup = back_up();
    ASSERT_EQ(backup.manifest.components.size(), 1U);
    EXPECT_EQ(backup.manifest.components.front().name, "small");
    ASSERT_EQ(backup.manifest.failed.size(), 1U);
    EXPECT_THAT(backup.manifest.failed.front().reason, HasSubstr("does not hold its data"));
}

// The plan was shown, and while somebody thought about it another restore mended what it calls emptied.
TEST_F(InPlaceRestore, ASafetyBackupOfBeforeIsNoneOnceItIsInUseAgain) {
    const auto id = prepare();
    const auto safety = killed({.backup = id});
    ballast(1152);
    RestoreRequest request{.backup = id, .components = {"data"}};
    request.in_place = true;
    auto planned = found(request);
    ASSERT_EQ(planned.groups.front().items.front().safety, safety);
    ASSERT_EQ(run_it(request).code, ExitCode::ok);
    fill("data", 'n', 6);
    EXPECT_EQ(restore(context(), watcher, std::move(planned), {}, request).code, ExitCode::ok);
    EXPECT_NE(ids().back(), safety);
    EXPECT_TRUE(holds('b', 7));
}

TEST_F(InPlaceRestore, WhoStartsMeanwhileEndsItWithTheOldData) {
    prepare();
    watcher.on_unpacked = [&](const RestoreItem&) {
        if (engine.state("app") == podman::State::exited)
            engine.change("app", [](podman::Container& one) { one.state = podman::State::running; });
    };
    EXPECT_NE(run_it().code, ExitCode::ok);
    EXPECT_TRUE(holds('o', 6));
    EXPECT_TRUE(RestoreRecords(settings).all().empty());
}

// One of the group was swapped, the other emptied: what can go back to the old data does.
TEST_F(InPlaceRestore, TheOthersOfItsGroupGoBackToTheOldData) {
    add("more", "");
    const archive::Site site{.root = folder("more"), .single = false, .run = "dead-run", .only = {}};
    archive::begin_staging(site);
    std::ofstream(folder("more") / ".miraclemax-dead-run/new/file") << "restored";
    archive::seal(site);
    archive::swap(site);
    ASSERT_EQ(read("more"), "restored");
    std::filesystem::create_directories(settings.state);
    RestoreRecord record{.run = "dead-run", .at = "2026-01-01T00:00:00+00:00", .components = {}, .began = 1};
    for (const std::string name : {"data", "more"})
        record.components.push_back({.component = name,
                                     .backup = "20260101_000000",
                                     .volume = name,
                                     .volume_created_at = engine.volume(name)->created_at,
                                     .path = folder(name),
                                     .single = false,
                                     .only = {},
                                     .step = name == "data" ? Step::emptied : Step::swapped,
                                     .group = "data",
                                     .safety = "20260101_000001"});
    RestoreRecords(settings).keep(record);
    for (int again = 0; again < 2; ++again) {
        EXPECT_FALSE(recover(settings, engine, {}).ok());
        EXPECT_EQ(read("more"), "content of more");
        EXPECT_FALSE(aside("more"));
        ASSERT_EQ(RestoreRecords(settings).all().size(), 1U);
        EXPECT_EQ(RestoreRecords(settings).all().front().components.size(), 1U);
    }
}

} // namespace
} // namespace miraclemax::run
