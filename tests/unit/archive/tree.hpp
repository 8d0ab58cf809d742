// A temp folder, stock tools, and an archive made of a tree: for the tests of this room.
#pragma once

#include "archive/archive.hpp"
#include "stream/digest.hpp"

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <sys/stat.h>

namespace miraclemax::archive::test {

class TempFolder {
public:
    TempFolder();
    TempFolder(const TempFolder&) = delete;
    TempFolder& operator=(const TempFolder&) = delete;
    ~TempFolder();
    [[nodiscard]] const std::filesystem::path& path() const { return path_; }
    [[nodiscard]] std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

private:
    std::filesystem::path path_;
};

struct Ran {
    int status = -1;    // exit status, or -signal
    std::string output; // stdout and stderr
};
Ran run(const std::vector<std::string>& argv, const std::string& input = {});

void put(const std::filesystem::path& path, std::string_view content);
std::string get(const std::filesystem::path& path);
void set_time(const std::filesystem::path& path, long long seconds, long nanoseconds);
void set_attribute(const std::filesystem::path& path, const std::string& name, std::string_view value);

struct Made {
    Result result;
    std::string tar, inventory, report;
};
Made make(const std::filesystem::path& root, const std::vector<std::string>& exclude = {},
          bool trusted = false);

// Extracts with the stock tar into a folder; the output is what tar said.
Ran extract(const std::string& tar, const std::filesystem::path& into);
// What the stock mtree says about a tree: nothing, if it is as the inventory tells.
std::string mtree(const std::string& inventory, const std::filesystem::path& tree, const TempFolder& temp);
std::vector<std::string> listing(const std::string& tar); // names, as the stock tar writes them

// Everything about the entries of a tree that has to survive, by path. Independent of the code under test.
std::map<std::string, std::string> snapshot(const std::filesystem::path& root);
// Equal, with the first differences in the message.
void expect_same(const std::map<std::string, std::string>& want,
                 const std::map<std::string, std::string>& got);

// Runs act in a child process; true if it ended well. For what changes the process: users, capabilities.
bool in_child(const std::function<bool()>& act);

} // namespace miraclemax::archive::test
