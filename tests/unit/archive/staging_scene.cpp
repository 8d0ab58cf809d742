#include "unit/archive/staging_scene.hpp"

#include "error.hpp"
#include "stream/fault_point.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

namespace fs = std::filesystem;

namespace miraclemax::archive::test {

namespace {

bool keeps_attributes(const fs::path& folder) {
    return setxattr(folder.c_str(), "user.test", "x", 1, 0) == 0 &&
           removexattr(folder.c_str(), "user.test") == 0;
}

fs::path make_folder() {
    for (const fs::path& base : {fs::path("/dev/shm"), fs::temp_directory_path()}) {
        std::string name = (base / "staging-test-XXXXXX").string();
        if (mkdtemp(name.data()) == nullptr)
            continue;
        if (keeps_attributes(name) || base != "/dev/shm")
            return name;
        fs::remove(name);
    }
    throw std::runtime_error("mkdtemp");
}

void own(const fs::path& path, unsigned owner, unsigned mode) {
    if (lchown(path.c_str(), owner, owner + 1) != 0 && geteuid() == 0)
        throw std::runtime_error("lchown");
    fs::permissions(path, static_cast<fs::perms>(mode));
}

// Each entry has a time of its own.
void set_times(const fs::path& root, long long from) {
    std::vector<fs::path> paths;
    for (const auto& entry : fs::recursive_directory_iterator(root))
        paths.push_back(entry.path());
    std::sort(paths.rbegin(), paths.rend()); // what is in a folder before the folder
    for (const fs::path& path : paths)
        set_time(path, ++from, 5);
}

// user::rwx, user:77:r-x, group::r-x, mask::r-x, other::--- ; see linux/posix_acl_xattr.h.
void set_acl(const fs::path& path, const char* name, unsigned char user) {
    const unsigned char value[] = {2,    0,    0,    0,    1,    0,    7,    0,    0xff, 0xff, 0xff,
                                   0xff, 2,    0,    5,    0,    user, 0,    0,    0,    4,    0,
                                   5,    0,    0xff, 0xff, 0xff, 0xff, 0x10, 0,    5,    0,    0xff,
                                   0xff, 0xff, 0xff, 0x20, 0,    0,    0,    0xff, 0xff, 0xff, 0xff};
    if (setxattr(path.c_str(), name, value, sizeof value, 0) != 0 && errno != ENOTSUP)
        throw std::runtime_error("setxattr acl");
}

} // namespace

void make_old_data(const fs::path& root) {
    put(root / "both", "old");
    own(root / "both", 1001, 0640);
    set_attribute(root / "both", "user.is", "old");
    fs::create_directories(root / "deep/er/est");
    put(root / "deep/er/est/file", "old and deep");
    put(root / "deep/er/beside", "old");
    put(root / "only-old", "x");
    fs::create_hard_link(root / "only-old", root / "deep/link");
    fs::create_symlink("/etc/passwd", root / "way");
    set_times(root, 1'500'000'000);
    set_attribute(root, "user.root", "old");
    set_attribute(root, "user.leaves", "with it");
    own(root, 1003, 02750);
    set_acl(root, "system.posix_acl_access", 77);
    set_acl(root, "system.posix_acl_default", 78);
    set_time(root, 1'500'000'003, 8);
}

void make_new_data(const fs::path& root) {
    put(root / "both", "new");
    own(root / "both", 2001, 0600);
    fs::create_directories(root / "deep/er");
    put(root / "deep/er/file", "new");
    put(root / "deep/er/beside", "new");
    fs::create_directory(root / "way");
    put(root / "only-new", "y");
    set_times(root, 1'600'000'000);
    set_attribute(root, "user.root", "new");
    own(root, 2003, 01701);
    set_acl(root, "system.posix_acl_access", 79);
    set_time(root, 1'600'000'003, 8);
}

StagingScene::StagingScene() : folder_(make_folder()) {
    site.root = folder_ / "root";
    site.run = "20251016_030000-1";
}

StagingScene::~StagingScene() {
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
    if (fs::exists(folder_, ignored))
        (void)run({"rm", "-rf", folder_});
}

void StagingScene::make_old() {
    fs::remove_all(folder_ / "root");
    fs::create_directory(folder_ / "root");
    if (!bare)
        make_old_data(folder_ / "root");
    else
        set_time(folder_ / "root", 1'500'000'009, 8);
}

void StagingScene::stage() {
    begin_staging(site);
    make_new_data(staging() / "new");
    seal(site);
}

fs::path StagingScene::staging() const {
    return folder_ / "root" / (".miraclemax-" + site.run);
}

Tree StagingScene::tree() const {
    Tree all = snapshot(folder_ / "root");
    std::erase_if(all, [](const auto& one) { return one.first.starts_with(".miraclemax-"); });
    return all;
}

#ifdef MIRACLEMAX_FAULT_POINTS
int with_fault(const std::string& fault, const std::function<void()>& act) {
    const pid_t child = fork();
    if (child == 0) {
        setenv("MIRACLEMAX_FAULT", fault.c_str(), 1);
        try {
            stream::reload_fault_plan();
            act();
        } catch (const Error&) {
            _exit(1);
        } catch (...) {
            _exit(2);
        }
        _exit(0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
}

#endif

} // namespace miraclemax::archive::test
