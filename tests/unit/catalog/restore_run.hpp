// A backup made with stock tools, and its RESTORE.txt carried out to the letter by sh.
#pragma once

#include "catalog/manifest.hpp"
#include "stream/digest.hpp"
#include "unit/catalog/sample.hpp"
#include "unit/store/scratch.hpp"

#include <sstream>

#include <gtest/gtest.h>

namespace miraclemax::test {

// The lines that begin with four spaces, as a user would copy them.
inline std::string commands_of(const std::string& text) {
    std::istringstream lines(text);
    std::string line;
    std::string commands;
    while (std::getline(lines, line)) {
        if (line.starts_with("    ")) {
            commands += line.substr(4) + "\n";
        }
    }
    return commands;
}

class RestoreRun : public testing::Test {
protected:
    void SetUp() override {
        std::filesystem::create_directory(home());
        std::filesystem::permissions(home(), std::filesystem::perms::owner_all);
        std::filesystem::create_directories(backup());
        // Says what it was asked, one argument a line; its volumes lie in volumes/.
        put(scratch / "bin/podman", "#!/bin/sh\n"
                                    "for word in \"$@\"; do printf '[%s]\\n' \"$word\"; done >> " +
                                        log().string() +
                                        "\n"
                                        "for name in \"$@\"; do :; done\n"
                                        "case \"$1 $2\" in\n"
                                        "'volume exists') exit 1 ;;\n"
                                        "'volume inspect'|'volume mount') echo " +
                                        (scratch / "volumes").string() +
                                        "/\"$name\" ;;\n"
                                        "esac\n");
        std::filesystem::permissions(scratch / "bin/podman", std::filesystem::perms::owner_all);
    }
    void TearDown() override { static_cast<void>(sh("gpgconf --kill all")); }

    // The exit code; what was said goes to the file `said`.
    int sh(const std::string& script, const std::filesystem::path& in = {}) {
        put(scratch / "script.sh", script);
        const std::string line = "cd '" + (in.empty() ? scratch.path() : in).string() + "' && GNUPGHOME='" +
                                 home().string() + "' PATH='" + (scratch / "bin").string() +
                                 "':\"$PATH\" sh -e '" + (scratch / "script.sh").string() + "' > '" +
                                 said().string() + "' 2>&1";
        const int status = std::system(line.c_str());
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    }
    std::string output(const std::string& script) {
        EXPECT_EQ(sh(script), 0) << content(said());
        return content(said());
    }
    std::string make_key() {
        EXPECT_EQ(
            sh("gpg --batch --quiet --passphrase '' --quick-generate-key test future-default default never"),
            0)
            << content(said());
        return output("gpg --list-keys --with-colons 2> /dev/null | awk -F: '$1 == \"fpr\" {print $10; "
                      "exit}' | tr -d '\\n'");
    }
    // Stores the folder live()/<name> as the component's archive and inventory.
    void store(catalog::ComponentRecord& component, const std::string& squeeze, const std::string& seal) {
        const std::string archive = (backup() / component.archive.file.path).string();
        const std::string inventory = (backup() / component.inventory.path).string();
        std::filesystem::create_directories(std::filesystem::path(archive).parent_path());
        ASSERT_EQ(sh("cd live; tar --format=pax --xattrs --acls -cf - " + component.name + squeeze + seal +
                     " > " + archive + "; mtree -c -K sha256 -p " + component.name + squeeze + seal + " > " +
                     inventory),
                  0)
            << content(said());
        component.report = {};
    }
    // Writes the folder's papers and does what RESTORE.txt says.
    int restore(const catalog::Manifest& manifest) {
        text = catalog::restore_text(manifest);
        put(backup() / "RESTORE.txt", text);
        put(backup() / "manifest.json", catalog::to_json(manifest));
        std::vector<catalog::Sum> sums;
        for (const std::string& path : std::vector<std::string>{"RESTORE.txt", "manifest.json"}) {
            sums.push_back({.sha256 = stream::digest_of_file(backup() / path).sha256, .path = path});
        }
        for (const catalog::ComponentRecord& component : manifest.components) {
            for (const std::string& path : {component.archive.file.path, component.inventory.path}) {
                if (!path.empty()) {
                    sums.push_back({.sha256 = stream::digest_of_file(backup() / path).sha256, .path = path});
                }
            }
        }
        put(backup() / "SHA256SUMS", catalog::sha256sums(sums));
        return sh(commands_of(text), backup());
    }
    // Everything stat, getfattr and getfacl tell of a tree.
    std::string listing(const std::filesystem::path& tree) {
        return output(
            "cd '" + quoted(tree) +
            "'; find . -printf '%p %y %m %U %G %T@ %n %l %s\\n' | sed '/ d /s/ [0-9]*$//' | sort;"
            "find . -type f -exec sha256sum {} + | sort; getfattr -h -R -d -m 'user.' . ; getfacl -nR .");
    }
    static std::string quoted(const std::filesystem::path& path) {
        std::string result;
        for (const char c : path.string()) {
            result += c == '\'' ? std::string("'\\''") : std::string(1, c);
        }
        return result;
    }

    std::filesystem::path home() const { return scratch / "g"; }
    std::filesystem::path backup() const { return scratch / "backup"; }
    std::filesystem::path live() const { return scratch / "live"; }
    std::filesystem::path log() const { return scratch / "podman.log"; }
    std::filesystem::path said() const { return scratch / "said"; }

    Scratch scratch;
    std::string text;
};

} // namespace miraclemax::test
