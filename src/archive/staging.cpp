#include "archive/staging.hpp"

#include "archive/attributes.hpp"
#include "archive/folder.hpp"
#include "archive/removal.hpp"
#include "archive/staging_folder.hpp"
#include "stream/fault_point.hpp"

#include <array>
#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

namespace miraclemax::archive {

using stream::Descriptor;
using stream::write_error;

namespace {

// One way from one whole state to another. Until `done`, `origin` can be gone back to.
struct Course {
    bool first; // nothing has moved before
    Slot leaving;
    const char* origin;
    const char* aside;
    const char* in;
    const char* done;
    [[nodiscard]] Slot coming() const { return leaving == Slot::old_data ? Slot::new_data : Slot::old_data; }
};
constexpr std::array<Course, 3> courses{{
    {true, Slot::old_data, "staged", "aside", "in", "swapped"},
    {false, Slot::new_data, "swapped", "back-aside", "back-in", "returned"},
    {false, Slot::old_data, "returned", "again-aside", "again-in", "swapped"},
}};

const Course* course_under_way(const std::string& phase) {
    for (const Course& course : courses)
        if (phase == course.aside || phase == course.in)
            return &course;
    return nullptr;
}

bool at_rest(const std::string& phase) {
    return phase == "staged" || phase == "swapped" || phase == "returned";
}

Error not_ready(const Site& site, const std::string& phase, const std::string& act) {
    return {ExitCode::failed,
            "the staging folder of run " + site.run + " in " + site.root.string() + " is " +
                (phase.empty() ? "not sealed" : "in phase \"" + phase + "\"") + ": it can't be " + act,
            "run miraclemax recover first"};
}

void finish(StagingFolder& stage, const Course& course) {
    stage.move_in(course.coming());
    stage.dress_root(course.coming());
    stage.announce(course.done);
}

// From anywhere on the course; cut and begun again it does the rest.
void go_back(StagingFolder& stage, const Course& course) {
    std::string phase = stage.phase();
    if (phase == course.done) { // renamed, but not known to be durable
        stage.announce(course.in);
        phase = course.in;
    }
    if (phase == course.in) {
        stage.move_out(course.coming());
        stage.announce(course.aside);
        phase = course.aside;
    }
    if (phase != course.aside)
        return; // it never began
    stage.move_in(course.leaving);
    stage.dress_root_again(course.leaving);
    stage.announce(course.origin);
}

void go_back_after(StagingFolder& stage, const Course& course, const Error& failure) {
    try {
        go_back(stage, course);
    } catch (const Error& second) {
        throw Error(failure.code(),
                    std::string(failure.what()) +
                        "; and what had moved could not be put back yet: " + second.what(),
                    "run miraclemax recover");
    }
    throw failure;
}

void travel(StagingFolder& stage, const Course& course) {
    stage.prepare(course.leaving, course.first);
    try {
        stage.announce(course.aside);
        stage.move_out(course.leaving);
        stage.announce(course.in);
        finish(stage, course);
    } catch (const Error& failure) {
        go_back_after(stage, course, failure);
    } catch (const std::exception& failure) {
        go_back_after(stage, course, Error(ExitCode::failed, failure.what()));
    }
}

StagingFolder staged(const Site& site) {
    auto stage = StagingFolder::open(site);
    if (!stage)
        throw Error(ExitCode::failed,
                    "there is no staging folder of run " + site.run + " in " + site.root.string());
    return std::move(*stage);
}

// Nothing that the root hands down to what is made in it: its default ACL, its set-group-ID bit.
Descriptor private_folder(int top, const std::string& name, const std::filesystem::path& path) {
    Descriptor folder = open_within(top, name.c_str());
    if (!folder)
        throw write_error("open the folder", path, errno);
    for (const std::string_view acl : {kDefaultAcl, kAccessAcl})
        if (::fremovexattr(folder.get(), acl.data()) != 0 && errno != ENODATA && errno != ENOTSUP)
            throw write_error("remove the ACL of", path, errno);
    if (::fchmod(folder.get(), 0700) != 0)
        throw write_error("set the mode of", path, errno);
    return folder;
}

void remove(const Site& site, bool strangers_stay) {
    auto stage = StagingFolder::open(site);
    if (!stage)
        return;
    const std::string phase = stage->phase();
    if (phase.empty() ? stage->dropping().empty() && stage->holds_old() : !at_rest(phase))
        throw not_ready(site, phase, "removed");
    if (phase == "staged" || (phase == "returned" && strangers_stay))
        stage->keep_strangers();
    stage->drop();
}

} // namespace

Descriptor begin_staging(const Site& site) {
    const Ground ground = ground_of(site);
    const auto path = ground.path / ground.name;
    struct stat before {};
    if (::fstat(ground.top.get(), &before) != 0)
        throw write_error("look at", ground.path, errno);
    MIRACLEMAX_FAULT_POINT("staging.begin");
    if (::mkdirat(ground.top.get(), ground.name.c_str(), 0700) != 0) {
        if (errno == EEXIST)
            throw Error(ExitCode::failed, path.string() + " is there already", "run miraclemax recover");
        throw write_error("make the folder", path, errno);
    }
    keep_times(ground.top.get(), before);
    try {
        MIRACLEMAX_FAULT_POINT("staging.made");
        const Descriptor folder = private_folder(ground.top.get(), ground.name, path);
        if (::mkdirat(folder.get(), "new", 0700) != 0)
            throw write_error("make the folder", path / "new", errno);
        MIRACLEMAX_FAULT_POINT("staging.begun");
        Descriptor fresh = open_within(folder.get(), "new");
        if (!fresh)
            throw write_error("open the folder", path / "new", errno);
        return fresh;
    } catch (const Error&) {
        ::unlinkat(ground.top.get(), (ground.name + "/new").c_str(), AT_REMOVEDIR);
        ::unlinkat(ground.top.get(), ground.name.c_str(), AT_REMOVEDIR);
        keep_times(ground.top.get(), before);
        throw;
    }
}

Space space_of(const Site& site) {
    const Ground ground = ground_of(site);
    struct statvfs facts {};
    struct stat root {};
    if (::fstatvfs(ground.top.get(), &facts) != 0 || ::fstat(ground.top.get(), &root) != 0)
        throw write_error("look at the file system of", ground.path, errno);
    return {.bytes = static_cast<std::uint64_t>(facts.f_bavail) * facts.f_frsize,
            .inodes = facts.f_files == 0 ? UINT64_MAX : static_cast<std::uint64_t>(facts.f_favail),
            .device = static_cast<std::uint64_t>(root.st_dev)};
}

Space room_of(const Site& site) {
    auto space = space_of(site);
    const Ground ground = ground_of(site);
    Names names;
    if (const int error = names.list(open_below(ground.top.get(), "").get(), 1); error != 0)
        throw write_error("list", ground.path, error);
    space.empty = names.size() == 0;
    return space;
}

void seal(const Site& site) {
    StagingFolder stage = staged(site);
    if (const std::string phase = stage.phase(); !phase.empty() || !stage.dropping().empty())
        throw not_ready(site, phase.empty() ? "dropping" : phase, "sealed");
    stage.seal_new();
    stage.announce("staged");
}

std::vector<std::string> swap(const Site& site) {
    StagingFolder stage = staged(site);
    if (const std::string phase = stage.phase(); phase != courses[0].origin)
        throw not_ready(site, phase, "swapped in");
    travel(stage, courses[0]);
    return stage.staying();
}

void exchange(const Site& site) {
    StagingFolder stage = staged(site);
    const std::string phase = stage.phase();
    for (const Course& course : {courses[1], courses[2]})
        if (phase == course.origin) {
            travel(stage, course);
            return;
        }
    throw not_ready(site, phase, "exchanged");
}

Holds settle(const Site& site) {
    auto stage = StagingFolder::open(site);
    if (!stage)
        return Holds::unknown;
    std::string phase = stage->phase();
    if (phase.empty()) {
        const std::string dropped = stage->dropping();
        if (dropped.empty() && !stage->holds_old() && !stage->strays().empty())
            return Holds::unknown; // all else of it was dropped
        if (dropped.empty() && stage->holds_old())
            throw Error(ExitCode::failed,
                        "the staging folder of run " + site.run + " in " + site.root.string() +
                            " has lost its phase file, and holds data",
                        "compare its old/ and new/ with the root by hand, and remove it");
        stage->drop();
        return dropped == "swapped" ? Holds::new_data : Holds::old_data;
    }
    if (const Course* course = course_under_way(phase)) {
        stage->load();
        stage->make_way();
        bool finished = false;
        if (phase == course->in) {
            try {
                finish(*stage, *course);
                finished = true;
            } catch (const Error&) {
                finished = false;
            }
        }
        if (!finished)
            go_back(*stage, *course);
        phase = stage->phase();
    }
    if (!at_rest(phase))
        throw Error(ExitCode::failed,
                    "the staging folder of run " + site.run + " in " + site.root.string() +
                        " is in a phase that is not known here: \"" + phase + "\"",
                    "run the version of miraclemax that began the restore");
    if (phase == "staged") {
        stage->keep_strangers();
        stage->drop();
    }
    return phase == "swapped" ? Holds::new_data : Holds::old_data;
}

bool keeps_old(const Site& site) {
    const auto stage = StagingFolder::open(site);
    return stage && stage->holds_old();
}

void discard(const Site& site) {
    remove(site, false);
}

void abandon(const Site& site) {
    remove(site, true);
}

} // namespace miraclemax::archive
