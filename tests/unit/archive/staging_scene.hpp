// A root with old data, and a staging folder with new data, in a temp folder: for the tests of staging.
#pragma once

#include "archive/staging.hpp"
#include "error.hpp"
#include "unit/archive/tree.hpp"

#include <gtest/gtest.h>

namespace miraclemax::archive::test {

using Tree = std::map<std::string, std::string>;

// In memory where that keeps attributes: hundreds of trees are made.
class StagingScene {
public:
    StagingScene();
    StagingScene(const StagingScene&) = delete;
    StagingScene& operator=(const StagingScene&) = delete;
    ~StagingScene();

    // Makes the root anew with the old data, and what is outside of it.
    void make_old();
    // Staged and sealed.
    void stage();
    // What the root holds, its own attributes too, without staging folders.
    [[nodiscard]] Tree tree() const;
    [[nodiscard]] std::filesystem::path staging() const;
    [[nodiscard]] std::filesystem::path folder() const { return folder_; }

    Site site;
    bool bare = false; // the old root is empty

private:
    std::filesystem::path folder_;
};

class Staging : public ::testing::Test {
protected:
    void begin() {
        scene.make_old();
        old = scene.tree();
        scene.stage();
        fresh = snapshot(scene.staging() / "new");
    }
    std::string refusal(const std::function<void()>& act) {
        try {
            act();
        } catch (const Error& error) {
            return error.what();
        }
        return {};
    }
    std::string phase() { return get(scene.staging() / "phase"); }

    StagingScene scene;
    Tree old, fresh;
};

void make_old_data(const std::filesystem::path& root);
void make_new_data(const std::filesystem::path& root);

// Only with fault points: runs act in a child with MIRACLEMAX_FAULT set. 0: it ended well; 1: it threw Error;
// 9: it was killed.
int with_fault(const std::string& fault, const std::function<void()>& act);

} // namespace miraclemax::archive::test
