#include "catalog/manifest.hpp"

#include "error.hpp"
#include "unit/catalog/sample.hpp"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

namespace miraclemax::catalog {
namespace {

using nlohmann::json;
using testing::HasSubstr;

json sample_json() {
    return json::parse(to_json(test::sample_manifest()));
}

TEST(Manifest, ComesBackAsItWasWritten) {
    const std::string written = to_json(test::sample_manifest());
    EXPECT_EQ(written.back(), '\n');
    const Manifest read = parse_manifest(written);
    // The writer names every field (next test), so equal text is an equal manifest.
    EXPECT_EQ(to_json(read), written);
    EXPECT_EQ(read.components.at(0).source.mode, 02750U);
    EXPECT_EQ(read.components.at(0).source.labels.at("owner"), "it's me");
    EXPECT_EQ(read.components.at(0).archive.tar_sha256, std::string(64, 'b'));
    EXPECT_EQ(read.components.at(1).report.path, "volumes/web.report.gz.gpg");
    EXPECT_EQ(read.components.at(0).freeze.containers.at(0).milliseconds, 47);
    EXPECT_EQ(read.previous_sha256, std::string(64, 'f'));
    EXPECT_EQ(read.failed.at(0).last_good, "20251015_030000");
}

// Scripts and other rooms read these names.
TEST(Manifest, HasTheDocumentedShape) {
    const json whole = sample_json();
    EXPECT_EQ(whole["version"], 1);
    EXPECT_EQ(whole["previous"]["id"], "20251015_030000");
    const json& one = whole["components"][0];
    EXPECT_EQ(one["source"]["mode"], "2750");
    EXPECT_EQ(one["source"]["uid"], 999);
    EXPECT_EQ(one["archive"]["file"]["path"], "databases/n8n.tar.gz.gpg");
    EXPECT_EQ(one["archive"]["tar"]["size"], 10240);
    EXPECT_EQ(one["archive"]["recipients"][0], std::string(40, 'A'));
    EXPECT_EQ(one["inventory"]["size"], 99);
    const json entries = {{"entries", 10}, {"files", 7},     {"bytes", 5000},
                          {"changed", 1},  {"vanished", 2},  {"unreadable", 3},
                          {"skipped", 4},  {"elsewhere", 6}, {"excluded", 5}};
    EXPECT_EQ(one["entries"], entries);
    EXPECT_EQ(one["freeze"]["containers"][0]["how"], "pause");
    EXPECT_EQ(whole["failed"][0]["remedy"], "renew it");
}

TEST(Manifest, OlderOnesAreWithoutTheSignersKey) {
    json whole = sample_json();
    EXPECT_EQ(parse_manifest(whole.dump()).signer_key, test::sample_manifest().signer_key);
    whole.erase("signer_key");
    whole.erase("restore_sha256");
    const Manifest old = parse_manifest(whole.dump());
    EXPECT_EQ(old.signer_key, "");
    EXPECT_EQ(old.restore_sha256, "");
    whole["signer_key"] = 1;
    EXPECT_THROW((void)parse_manifest(whole.dump()), Error);
    whole["signer_key"] = "";
    whole["restore_sha256"] = "9";
    EXPECT_THROW((void)parse_manifest(whole.dump()), Error);
}

TEST(Manifest, EmptyListsAndMapsStayListsAndMaps) {
    Manifest manifest = test::sample_manifest();
    manifest.failed.clear();
    manifest.previous_id.clear();
    manifest.previous_sha256.clear();
    manifest.signer.clear();
    ComponentRecord& one = manifest.components[0];
    one.source.labels.clear();
    one.source.options.clear();
    one.archive.recipients.clear();
    one.freeze.containers.clear();
    one.report = {};
    const json whole = json::parse(to_json(manifest));
    EXPECT_TRUE(whole["failed"].is_array());
    EXPECT_TRUE(whole["components"][0]["source"]["options"].is_object());
    EXPECT_TRUE(whole["components"][0]["archive"]["recipients"].is_array());
    EXPECT_EQ(to_json(parse_manifest(to_json(manifest))), to_json(manifest));
    manifest.components.clear();
    EXPECT_TRUE(parse_manifest(to_json(manifest)).components.empty());
}

TEST(Manifest, LabelsOfAnyBytesAreWritten) {
    Manifest manifest = test::sample_manifest();
    manifest.components[0].source.labels["odd"] = "a\xff\xfe\nb\"c\\";
    manifest.components[0].source.path = "/data/\xc3";
    const Manifest read = parse_manifest(to_json(manifest));
    EXPECT_THAT(read.components[0].source.labels.at("odd"), HasSubstr("\nb\"c\\"));
}

TEST(Manifest, LeavesUnknownFieldsOutOfTheWay) {
    json whole = sample_json();
    whole["later"] = {{"a", 1}};
    whole["components"][0]["archive"]["later"] = json::array();
    EXPECT_EQ(to_json(parse_manifest(whole.dump())), to_json(test::sample_manifest()));
}

TEST(Manifest, AHigherVersionIsRefusedWhateverItHolds) {
    try {
        static_cast<void>(parse_manifest(R"({"version": 2})"));
        FAIL();
    } catch (const Error& error) {
        EXPECT_THAT(error.what(), HasSubstr("version 2"));
        EXPECT_THAT(error.remedy(), HasSubstr("newer"));
    }
}

// Every field that is written must be there, and of its kind.
void expect_every_loss_is_noticed(const json& whole, const json::json_pointer& at) {
    const json part = whole.at(at);
    if (part.is_object() && at.back() != "labels" && at.back() != "options") {
        for (const auto& [name, value] : part.items()) {
            json less = whole;
            less.at(at).erase(name);
            EXPECT_THROW(static_cast<void>(parse_manifest(less.dump())), Error) << at / name << " missing";
            json other = whole;
            other.at(at / name) = value.is_number() ? json("text") : json(1.5);
            EXPECT_THROW(static_cast<void>(parse_manifest(other.dump())), Error)
                << at / name << " of another kind";
            other.at(at / name) = nullptr;
            EXPECT_THROW(static_cast<void>(parse_manifest(other.dump())), Error) << at / name << " null";
            if (value.is_object() || value.is_array()) {
                expect_every_loss_is_noticed(whole, at / name);
            }
        }
    } else if (part.is_array() && !part.empty() && part[0].is_object()) {
        expect_every_loss_is_noticed(whole, at / 0);
    }
}

TEST(Manifest, EveryFieldIsNeededAndOfItsKind) {
    const json whole = sample_json();
    for (const auto& [name, value] : whole.items()) {
        if (name == "signer_key" || name == "restore_sha256") { // came later
            continue;
        }
        json less = whole;
        less.erase(name);
        EXPECT_THROW(static_cast<void>(parse_manifest(less.dump())), Error) << name;
    }
    expect_every_loss_is_noticed(whole, json::json_pointer("/components"));
    expect_every_loss_is_noticed(whole, json::json_pointer("/failed"));
    expect_every_loss_is_noticed(whole, json::json_pointer("/previous"));
}

struct Wrong {
    const char* at;
    json value;
};

TEST(Manifest, WrongValuesAreRefusedByName) {
    const std::string file = "/components/0/archive/file";
    const std::vector<Wrong> table = {
        {"/version", 0},
        {"/version", -1},
        {"/version", 1.0},
        {"/id", ""},
        {"/id", "../20251016_030000"},
        {"/ended_utc", ""},
        {"/ended_utc", "2025-10-16T01:00:41"},
        {"/ended_utc", "2025-10-16T03:00:41+02:00"},
        {"/ended_utc", "2025-10-16T01:00:41.Z"},
        {"/ended_utc", "2025-10-16T01:00:41.5xZ"},
        {"/ended_utc", "2025-10-16 01:00:41Z"},
        {"/signer", "ABCD"},
        {"/previous/id", "x"},
        {"/previous/sha256", "x"},
        {"/failed/0/last_good", "../../x"},
        {"/components/0/name", "../n8n"},
        {"/components/0/name", std::string(65, 'a')},
        {"/components/0/category", ".work-x"},
        {"/components/0/priority", "urgent"},
        {"/components/0/encryption", "maybe"},
        {"/components/0/source/kind", "device"},
        {"/components/0/source/uid", -1},
        {"/components/0/source/uid", 4294967296},
        {"/components/0/source/mode", "755"},
        {"/components/0/source/mode", "0788"},
        {"/components/0/source/mode", "10755"},
        {"/components/0/source/labels", {{"a", 1}}},
        {"/components/0/archive/kind", "full"},
        {"/components/0/archive/kind", "delta"}, // without a base
        {"/components/0/archive/base", "20251015_030000"},
        {"/components/0/archive/compression", "xz"},
        {"/components/0/archive/encryption", "rot13"},
        {"/components/0/archive/recipients", {"me@example.org"}},
        {"/components/0/archive/file/size", -1},
        {"/components/0/archive/file/size", 1e3},
        {"/components/0/archive/file/sha256", std::string(63, 'a')},
        {"/components/0/archive/file/sha256", std::string(64, 'A')},
        {"/components/0/archive/file/path", ""},
        {"/components/0/archive/file/path", "/etc/shadow"},
        {"/components/0/archive/file/path", "../x"},
        {"/components/0/archive/file/path", "a/../../x"},
        {"/components/0/archive/file/path", "a/.."},
        {"/components/0/archive/file/path", "a//x"},
        {"/components/0/archive/file/path", "a/./x"},
        {"/components/0/archive/file/path", "a/"},
        {"/components/0/archive/file/path", "a/b\nc"},
        {"/components/0/archive/file/path", "a/b\\c"},
        {"/components/0/archive/file/path", std::string("a/b\0c", 5)},
        {"/components/0/archive/file/path", "volumes/web.tar.gz.gpg"}, // that of the other
        {"/components/0/inventory/path", "../x"},
        {"/components/0/inventory/path", "databases/n8n.tar.gz.gpg"}, // that of its archive
        {"/components/1/name", "n8n"},
        {"/components/0/entries/unreadable", -1},
        {"/components/0/freeze/milliseconds", -5},
        {"/components/0/freeze/containers/0/how", "kill"},
        {"/components/0", 1},
        {"/components", json::object()},
    };
    for (const Wrong& wrong : table) {
        json whole = sample_json();
        whole.at(json::json_pointer(wrong.at)) = wrong.value;
        try {
            static_cast<void>(parse_manifest(whole.dump()));
            ADD_FAILURE() << wrong.at << " = " << wrong.value << " was taken";
        } catch (const Error& error) {
            EXPECT_EQ(error.code(), ExitCode::failed);
            EXPECT_THAT(error.what(), HasSubstr("manifest")) << wrong.at;
        }
    }
    try {
        json whole = sample_json();
        whole["components"][1]["archive"]["file"]["size"] = -1;
        static_cast<void>(parse_manifest(whole.dump()));
        FAIL();
    } catch (const Error& error) {
        EXPECT_STREQ(error.what(), "the manifest's field components[1].archive.file.size is below zero");
    }
}

TEST(Manifest, WhatIsNoJsonIsRefused) {
    const std::string whole = to_json(test::sample_manifest());
    for (const std::string& text :
         std::vector<std::string>{"", "null", "[]", "{", "42", "\"x\"", whole + "x", std::string(100000, '['),
                                  "{\"version\": \"\xff\"}"}) {
        EXPECT_THROW(static_cast<void>(parse_manifest(text)), Error) << text.substr(0, 20);
    }
    // A torn write: no beginning of it passes for the whole.
    for (std::size_t length = 0; length + 2 < whole.size(); length += 7) {
        EXPECT_THROW(static_cast<void>(parse_manifest(whole.substr(0, length))), Error) << length;
    }
}

TEST(Checksums, AreInTheFormOfSha256sumSortedByPath) {
    EXPECT_EQ(sha256sums({{.sha256 = "bb", .path = "volumes/b"}, {.sha256 = "aa", .path = "databases/a b"}}),
              "aa  databases/a b\nbb  volumes/b\n");
    EXPECT_EQ(sha256sums({}), "");
}

} // namespace
} // namespace miraclemax::catalog
