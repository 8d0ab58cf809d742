#include "unit/archive/tree.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <thread>

#include <fcntl.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

namespace fs = std::filesystem;

namespace miraclemax::archive::test {

TempFolder::TempFolder() {
    std::string name = (fs::temp_directory_path() / "archive-test-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr)
        throw std::runtime_error("mkdtemp");
    path_ = name;
}

TempFolder::~TempFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
    if (fs::exists(path_, ignored)) // paths longer than a call takes
        (void)run({"rm", "-rf", path_});
}

Ran run(const std::vector<std::string>& argv, const std::string& input) {
    std::array<int, 2> in{}, out{};
    if (pipe2(in.data(), O_CLOEXEC) != 0 || pipe2(out.data(), O_CLOEXEC) != 0)
        throw std::runtime_error("pipe2");
    std::vector<char*> arguments;
    for (const std::string& one : argv)
        arguments.push_back(const_cast<char*>(one.c_str()));
    arguments.push_back(nullptr);
    const pid_t child = fork();
    if (child == 0) {
        dup2(in[0], 0);
        dup2(out[1], 1);
        dup2(out[1], 2);
        setenv("LC_ALL", "C.UTF-8", 1);
        execvp(arguments[0], arguments.data());
        _exit(127);
    }
    close(in[0]);
    close(out[1]);
    std::thread feeder([&] {
        std::string_view rest = input;
        while (!rest.empty()) {
            const ssize_t count = write(in[1], rest.data(), rest.size());
            if (count <= 0)
                break;
            rest.remove_prefix(static_cast<std::size_t>(count));
        }
        close(in[1]);
    });
    Ran ran;
    std::vector<char> block(65536);
    ssize_t count = 0;
    while ((count = read(out[0], block.data(), block.size())) > 0)
        ran.output.append(block.data(), static_cast<std::size_t>(count));
    close(out[0]);
    feeder.join();
    int status = 0;
    waitpid(child, &status, 0);
    ran.status = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
    return ran;
}

void put(const fs::path& path, std::string_view content) {
    std::ofstream(path, std::ios::binary | std::ios::trunc)
        .write(content.data(), static_cast<std::streamsize>(content.size()));
}

std::string get(const fs::path& path) {
    std::ostringstream out;
    out << std::ifstream(path, std::ios::binary).rdbuf();
    return out.str();
}

void set_time(const fs::path& path, long long seconds, long nanoseconds) {
    const timespec time{.tv_sec = static_cast<time_t>(seconds), .tv_nsec = nanoseconds};
    const std::array<timespec, 2> both{time, time};
    if (utimensat(AT_FDCWD, path.c_str(), both.data(), AT_SYMLINK_NOFOLLOW) != 0)
        throw std::runtime_error("utimensat " + path.string());
}

void set_attribute(const fs::path& path, const std::string& name, std::string_view value) {
    if (lsetxattr(path.c_str(), name.c_str(), value.data(), value.size(), 0) != 0)
        throw std::runtime_error("lsetxattr " + name + " " + path.string());
}

Made make(const fs::path& root, const std::vector<std::string>& exclude, bool trusted) {
    stream::StringSink tar, inventory, report;
    Made made;
    made.result =
        write_archive({.root = root, .prefix = "data", .exclude = exclude, .trusted_xattrs = trusted},
                      {.tar = tar, .inventory = inventory, .report = report}, {});
    made.tar = tar.content();
    made.inventory = inventory.content();
    made.report = report.content();
    return made;
}

Ran extract(const std::string& tar, const fs::path& into) {
    fs::create_directories(into);
    return run({"tar", "--xattrs", "--xattrs-include=*", "--acls", "--numeric-owner",
                "--warning=no-timestamp", "--warning=no-unknown-keyword", "-xpf", "-", "-C", into},
               tar);
}

std::string mtree(const std::string& inventory, const fs::path& tree, const TempFolder& temp) {
    const fs::path file = temp / "inventory.mtree";
    put(file, inventory);
    const Ran ran = run({"mtree", "-f", file, "-p", tree});
    return ran.status == 0 ? ran.output : ran.output + "status " + std::to_string(ran.status);
}

std::vector<std::string> listing(const std::string& tar) {
    const Ran ran = run({"tar", "--quoting-style=literal", "--warning=no-unknown-keyword", "-tf", "-"}, tar);
    EXPECT_EQ(ran.status, 0) << ran.output;
    std::vector<std::string> names;
    std::istringstream lines(ran.output);
    for (std::string line; std::getline(lines, line);)
        names.push_back(line);
    return names;
}

namespace {

std::string attributes_of(const fs::path& path) {
    std::string names(65536, '\0'), value(65536, '\0');
    const ssize_t length = llistxattr(path.c_str(), names.data(), names.size());
    std::vector<std::string> all;
    for (ssize_t at = 0; at < length;
         at += static_cast<ssize_t>(std::string_view(names.data() + at).size()) + 1) {
        const std::string name = names.data() + at;
        const ssize_t size = lgetxattr(path.c_str(), name.c_str(), value.data(), value.size());
        all.push_back(
            name + "=" +
            stream::sha256_of(value.substr(0, static_cast<std::size_t>(std::max<ssize_t>(size, 0)))));
    }
    std::sort(all.begin(), all.end());
    std::string out;
    for (const auto& one : all)
        out += " " + one;
    return out;
}

} // namespace

std::map<std::string, std::string> snapshot(const fs::path& root) {
    std::map<std::string, std::string> out;
    std::map<ino_t, std::string> first;
    std::vector<fs::path> paths{root};
    for (const auto& entry : fs::recursive_directory_iterator(root))
        paths.push_back(entry.path());
    std::sort(paths.begin(), paths.end());
    for (const fs::path& path : paths) {
        const std::string name = path == root ? "" : path.lexically_relative(root).string();
        struct stat s {};
        if (lstat(path.c_str(), &s) != 0 || S_ISSOCK(s.st_mode))
            continue;
        std::ostringstream line;
        line << std::oct << s.st_mode << std::dec << " " << s.st_uid << ":" << s.st_gid << " "
             << s.st_mtim.tv_sec << "." << s.st_mtim.tv_nsec << " dev " << s.st_rdev;
        if (!S_ISDIR(s.st_mode))
            line << " same as " << first.try_emplace(s.st_ino, name).first->second << " links " << s.st_nlink;
        if (S_ISLNK(s.st_mode))
            line << " -> " << fs::read_symlink(path).string();
        if (S_ISREG(s.st_mode))
            line << " size " << s.st_size << " "
                 << (s.st_size < (64 << 20) ? stream::sha256_of(get(path)) : std::string("big"));
        out[name] = line.str() + attributes_of(path);
    }
    return out;
}

void expect_same(const std::map<std::string, std::string>& want,
                 const std::map<std::string, std::string>& got) {
    int shown = 0;
    for (const auto& [name, line] : want) {
        const auto found = got.find(name);
        if ((found == got.end() || found->second != line) && shown++ < 10)
            ADD_FAILURE() << name << "\n  want " << line << "\n  got  "
                          << (found == got.end() ? "nothing" : found->second);
    }
    for (const auto& [name, line] : got)
        if (!want.contains(name) && shown++ < 10)
            ADD_FAILURE() << name << " is too much: " << line;
    EXPECT_EQ(shown, 0);
}

bool in_child(const std::function<bool()>& act) {
    const pid_t child = fork();
    if (child == 0) {
        bool good = false;
        try {
            good = act();
        } catch (const std::exception& error) {
            (void)!write(2, error.what(), std::string_view(error.what()).size());
        }
        _exit(good ? 0 : 1);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

} // namespace miraclemax::archive::test
