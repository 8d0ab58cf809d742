#include "catalog/catalog.hpp"

#include "error.hpp"
#include "unit/catalog/sample.hpp"
#include "unit/store/scratch.hpp"

#include <gmock/gmock.h>

namespace miraclemax::catalog {
namespace {

using test::put;
using testing::ElementsAre;
using testing::HasSubstr;

class CatalogTest : public testing::Test {
protected:
    // A backup that ended then, with these components.
    void publish(const std::string& id, const std::string& ended_utc,
                 const std::vector<ComponentRecord>& components) {
        Manifest manifest = test::sample_manifest(id);
        manifest.ended_utc = ended_utc;
        manifest.components = components;
        put(root / id / "manifest.json", to_json(manifest));
    }
    [[nodiscard]] std::vector<std::string> listed() const {
        std::vector<std::string> ids;
        for (const Record& record : catalog.records()) {
            ids.push_back(record.id);
        }
        return ids;
    }
    static ComponentRecord broken(const std::string& name) {
        ComponentRecord component = test::sample_component(name);
        component.complete = false;
        return component;
    }

    test::Scratch root;
    store::BackupFolder folder{root.path()};
    Catalog catalog{folder};
};

TEST_F(CatalogTest, OrdersByTheTimeInUtcNotByName) {
    // The clock went back: the second 02:30 came later, but sorts before 02:45 by name.
    publish("20251026_024500", "2025-10-26T00:45:10Z", {});
    publish("20251026_023000_2", "2025-10-26T01:30:10Z", {});
    publish("20251026_020000", "2025-10-26T00:00:10.5Z", {});
    publish("20251026_020000_2", "2025-10-26T00:00:10Z", {});
    EXPECT_THAT(listed(),
                ElementsAre("20251026_020000_2", "20251026_020000", "20251026_024500", "20251026_023000_2"));
}

TEST_F(CatalogTest, AnUnreadableManifestIsARecordWithItsTrouble) {
    publish("20251016_030000", "2025-10-16T01:00:10Z", {test::sample_component()});
    put(root / "20251017_030000/manifest.json", "{ torn");
    put(root / "20251018_030000/manifest.json", to_json(test::sample_manifest("20251016_030000")));
    publish("20251019_030000", "2025-10-19T01:00:10Z", {});
    const std::vector<Record> records = catalog.records();
    EXPECT_THAT(listed(),
                ElementsAre("20251016_030000", "20251017_030000", "20251018_030000", "20251019_030000"));
    EXPECT_TRUE(records.at(0).manifest && records.at(0).trouble.empty());
    EXPECT_EQ(records.at(0).stored, 1234U + 99U + 9U);
    EXPECT_FALSE(records.at(1).manifest);
    EXPECT_THAT(records.at(1).trouble, HasSubstr("JSON"));
    // A folder that was renamed by hand.
    EXPECT_FALSE(records.at(2).manifest);
    EXPECT_THAT(records.at(2).trouble, HasSubstr("20251016_030000"));
}

TEST_F(CatalogTest, FindsByIdAndByTheLink) {
    publish("20251016_030000", "2025-10-16T01:00:10Z", {});
    publish("20251017_030000", "2025-10-17T01:00:10Z", {});
    folder.set_latest("20251016_030000");
    EXPECT_EQ(catalog.find("latest").id, "20251016_030000");
    EXPECT_TRUE(catalog.find("latest").latest);
    EXPECT_FALSE(catalog.find("20251017_030000").latest);
    EXPECT_EQ(catalog.find("20251017_030000").manifest->id, "20251017_030000");
}

TEST_F(CatalogTest, WhatIsNotThereIsToldWithWhatIs) {
    for (const std::string id : {"latest", "20251016_030000", "../x"}) {
        try {
            static_cast<void>(catalog.find(id));
            FAIL();
        } catch (const Error& error) {
            EXPECT_EQ(error.code(), ExitCode::not_found);
            EXPECT_THAT(error.remedy(), HasSubstr("miraclemax backup"));
        }
    }
    publish("20241016_030000", "2024-10-16T01:00:10Z", {});
    for (int day = 1; day < 9; ++day) {
        publish("2025100" + std::to_string(day) + "_030000", "2025-10-16T01:00:10Z", {});
    }
    try {
        static_cast<void>(catalog.find("20251003_040000"));
        FAIL();
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), ExitCode::not_found);
        EXPECT_THAT(error.remedy(), HasSubstr("there are: 20251003_030000, 20251008_030000"));
        EXPECT_THAT(error.remedy(), Not(HasSubstr("20241016")));
    }
    EXPECT_THROW(static_cast<void>(catalog.find("latest")), Error);
}

TEST_F(CatalogTest, LastGoodIsTheNewestThatHoldsTheComponentWhole) {
    publish("20251016_030000", "2025-10-16T01:00:10Z",
            {test::sample_component(), test::sample_component("web")});
    publish("20251017_030000", "2025-10-17T01:00:10Z", {test::sample_component()});
    publish("20251018_030000", "2025-10-18T01:00:10Z", {broken("n8n")});
    put(root / "20251019_030000/manifest.json", "?");
    EXPECT_EQ(catalog.last_good("n8n"), "20251017_030000");
    EXPECT_EQ(catalog.last_good("web"), "20251016_030000");
    EXPECT_EQ(catalog.last_good("mail"), std::nullopt);
    EXPECT_FALSE(catalog.last_of("n8n")->complete);
    EXPECT_EQ(catalog.last_of("web")->name, "web");
    EXPECT_FALSE(catalog.last_of("mail").has_value());
}

} // namespace
} // namespace miraclemax::catalog
