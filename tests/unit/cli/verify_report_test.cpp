#include "cli/verify_report.hpp"

#include "cli/reports.hpp"
#include "unit/catalog/sample.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <filesystem>
#include <sstream>

namespace miraclemax::cli {
namespace {

run::Verified verified() {
    auto manifest = test::sample_manifest();
    return {.examination = {.id = manifest.id,
                            .manifest = manifest,
                            .signature = run::Signature::good,
                            .signer = std::string(40, 'B'),
                            .faults = {}},
            .components = {"n8n", "web"},
            .rehearsals = {}};
}

std::string text_of(const run::Verified& found) {
    std::ostringstream out;
    print_verified(found, out);
    return out.str();
}

TEST(VerifyReport, HasOneLineAComponent) {
    auto found = verified();
    found.rehearsals = {
        {.component = "n8n", .found = {.entries = 10, .bytes = 5000, .withheld = {}, .names = {}}},
        {.component = "web",
         .outcome = run::Outcome::no_key,
         .trouble = "not opened: no private key that opens it is at hand",
         .found = {}}};
    EXPECT_EQ(text_of(found),
              "backup 20251016_030000: good, signed by " + std::string(40, 'B') +
                  "\n  n8n                      1.3 KiB as they were stored; opened and compared: "
                  "10 entries, 4.9 KiB\n"
                  "  web                      1.3 KiB as they were stored; not opened: no private "
                  "key that opens it is at hand\n");
    found.components = {"web"};
    EXPECT_EQ(text_of(found).find("  n8n"), std::string::npos);
}

TEST(VerifyReport, AGapBeforeItIsNoDamageOfItsOwn) {
    auto found = verified();
    found.examination.faults = {{.where = "20251015_030000",
                                 .what = "is missing before 20251016_030000",
                                 .component = {},
                                 .of_chain = true}};
    const auto text = text_of(found);
    EXPECT_NE(text.find("20251016_030000: whole, but THE CHAIN BEFORE IT IS BROKEN, signed by"),
              std::string::npos)
        << text;
    EXPECT_NE(text.find("  FAULTY: 20251015_030000: is missing before 20251016_030000\n"), std::string::npos)
        << text;
    EXPECT_EQ(found.code(), ExitCode::damaged);
    found.examination.faults.push_back(
        {.where = "volumes/web.tar.gz.gpg", .what = "is missing", .component = "web"});
    EXPECT_NE(text_of(found).find(": DAMAGED"), std::string::npos);
}

TEST(VerifyReport, NamesEveryFaultAndForgesNoLine) {
    auto found = verified();
    found.examination.faults = {
        {.where = "volumes/web.tar.gz.gpg", .what = "is missing", .component = "web"},
        {.where = "evil\nbackup x: good", .what = "is not named in the manifest", .component = {}}};
    const auto text = text_of(found);
    EXPECT_NE(text.find("20251016_030000: DAMAGED"), std::string::npos) << text;
    EXPECT_NE(text.find("  web                      FAULTY: volumes/web.tar.gz.gpg: is missing\n"),
              std::string::npos)
        << text;
    EXPECT_EQ(text.find("\nbackup x"), std::string::npos) << text;
    EXPECT_EQ(text.find("  web                      1.3"), std::string::npos) << text;
    found.examination.faults = {
        {.where = "manifest.json", .what = "is not signed", .component = {}, .code = ExitCode::untrusted}};
    EXPECT_NE(text_of(found).find("NOT TRUSTED"), std::string::npos);
}

TEST(VerifyReport, AsJsonHasEverything) {
    auto found = verified();
    found.examination.faults = {
        {.where = "volumes/web.tar.gz.gpg", .what = "is missing", .component = "web"}};
    std::ostringstream out;
    print_verify_result({.backups = {found}, .warnings = {"w"}}, true, out);
    const auto object = nlohmann::json::parse(out.str());
    EXPECT_EQ(object["exit_code"], 13);
    EXPECT_EQ(object["backups"][0]["good"], false);
    EXPECT_EQ(object["backups"][0]["signature"], "good");
    EXPECT_EQ(object["backups"][0]["faults"][0]["component"], "web");
    EXPECT_EQ(object["backups"][0]["faults"][0]["code"], 13);
    std::ostringstream event;
    print_verified_event({.backups = {found}, .warnings = {}}, event);
    EXPECT_EQ(event.str().find('\n'), event.str().size() - 1);
    EXPECT_EQ(nlohmann::json::parse(event.str())["event"], "verified");
}

TEST(VerifyReport, WhenItWasProven) {
    const auto manifest = test::sample_manifest();
    EXPECT_EQ(proven_text(std::nullopt, manifest), "never");
    catalog::Proof proof{.examined = "2025-10-16T01:00:00Z", .examined_trouble = {}, .components = {}};
    EXPECT_EQ(proven_text(proof, manifest), "2025-10-16");
    proof.components["n8n"] = {.at = "2025-10-18T01:00:00Z", .trouble = {}};
    EXPECT_EQ(proven_text(proof, manifest), "2025-10-16"); // the other was not opened
    proof.components["web"] = {.at = "2025-10-17T01:00:00Z", .trouble = {}};
    EXPECT_EQ(proven_text(proof, manifest), "2025-10-17 deep");
    proof.components["web"].trouble = "cut";
    EXPECT_EQ(proven_text(proof, manifest), "FAULTY");
    EXPECT_EQ(
        proven_text(catalog::Proof{.examined = {}, .examined_trouble = "x", .components = {}}, manifest),
        "FAULTY");
    EXPECT_EQ(
        proven_text(catalog::Proof{.examined = {},
                                   .examined_trouble = {},
                                   .components = {{"n8n", {.at = "2025-10-18T01:00:00Z", .trouble = {}}}}},
                    manifest),
        "in part");
}

TEST(VerifyReport, ListShowsIt) {
    char form[] = "/tmp/mmlist-XXXXXX";
    const std::filesystem::path root = ::mkdtemp(form);
    catalog::Proofs proofs(root);
    const auto manifest = test::sample_manifest();
    const std::vector<catalog::Record> records{
        {.id = manifest.id, .manifest = manifest, .trouble = {}, .stored = 10, .latest = true}};
    std::ostringstream never, proven, json;
    print_list(records, proofs, false, never);
    EXPECT_NE(never.str().find("never proven"), std::string::npos) << never.str();
    proofs.keep(manifest.id, {.examined = "2025-10-16T01:00:00Z", .examined_trouble = {}, .components = {}});
    print_list(records, proofs, false, proven);
    EXPECT_NE(proven.str().find("proven 2025-10-16 "), std::string::npos) << proven.str();
    print_list(records, proofs, true, json);
    EXPECT_EQ(nlohmann::json::parse(json.str())[0]["proof"]["examined"], "2025-10-16T01:00:00Z");
    std::filesystem::remove_all(root);
}

TEST(Meter, DrawsOnATerminalAloneAndLeavesNothing) {
    std::ostringstream lines, bars;
    Meter(Form::lines, lines, [] { return true; }).show("n8n", 1, 2);
    EXPECT_EQ(lines.str(), "");
    Meter meter(Form::bars, bars, [] { return true; });
    meter.show("n8n\x1b[2J", 50, 100);
    EXPECT_NE(bars.str().find("50 %"), std::string::npos) << bars.str();
    EXPECT_EQ(bars.str().find("n8n\x1b"), std::string::npos);
    meter.clear();
    EXPECT_TRUE(bars.str().ends_with("\r\x1b[2K"));
    std::ostringstream stopped;
    Meter(Form::bars, stopped, [] { return false; }).show("n8n", 1, 2);
    EXPECT_EQ(stopped.str(), "");
}

} // namespace
} // namespace miraclemax::cli
