// What is missing in the chain of manifests, and what a signed record of its removal explains.
#include "run/chain.hpp"

#include "catalog/removal_record.hpp"
#include "error.hpp"
#include "run/prune.hpp"
#include "run/removals.hpp"
#include "stream/fault_point.hpp"
#include "unit/run/stored_backup.hpp"
#include "unit/store/scratch.hpp"

#include <gmock/gmock.h>

#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <csignal>

namespace miraclemax::run {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class ChainTest : public StoredBackups {
protected:
    ChainTest() {
        settings.retention.rules = {.days = 0, .last = 1};
        settings.retention.suspicious_share = 0;
    }

    std::vector<std::string> store_many(int count) {
        std::vector<std::string> stored;
        for (int i = 0; i < count; ++i)
            stored.push_back(store({"n8n"}, 100));
        return stored;
    }
    PruneResult prune_now(unsigned last = 1) {
        settings.retention.rules.last = last;
        store::BackupFolder folder(settings.backups);
        return prune(settings, folder, false, now_, stop.get_token());
    }
    std::vector<Fault> gaps(const std::string& id, const Trust& trust = {}) {
        const store::BackupFolder folder(settings.backups);
        const Witness witness(settings, trust);
        const auto gap =
            Chain(folder, witness).gap_before(catalog::parse_manifest(content_of(path(id, "manifest.json"))));
        return gap ? std::vector{*gap} : std::vector<Fault>{};
    }
    VerifyResult verify_all(const Trust& trust = {}) {
        return verify(
            settings,
            {.ids = {}, .all = true, .depth = Depth::stored, .components = {}, .trust = trust, .keys = {}},
            {}, {}, stop.get_token());
    }
    [[nodiscard]] fs::path record_of(const std::string& id) const {
        return settings.backups / ".removed" / (id + ".json");
    }
    void edit_record(const std::string& id, const std::function<void(catalog::RemovalRecord&)>& change) {
        auto record = catalog::parse_removal_record(content_of(record_of(id)));
        change(record);
        overwrite(record_of(id), catalog::to_json(record));
    }
    void sign_record(const std::string& id, const std::string& key) {
        fs::remove(record_of(id).string() + ".sig");
        keys.gpg("--local-user " + key + " --output " + record_of(id).string() + ".sig --detach-sign " +
                 record_of(id).string());
    }
    bool vouch(const std::string& id) {
        const store::BackupFolder folder(settings.backups);
        return Removals(settings, folder).vouch(id, "run", now_);
    }

    const std::chrono::system_clock::time_point now_ =
        std::chrono::sys_days(std::chrono::October / 17 / 2025);
};

TEST_F(ChainTest, ThreeRemovalsAreExplainedByTheirRecords) {
    const auto ids = store_many(5);
    EXPECT_THAT(prune_now(3).removed, ElementsAre(ids[0], ids[1]));
    EXPECT_THAT(gaps(ids[2]), IsEmpty());
    EXPECT_THAT(prune_now(2).removed, ElementsAre(ids[2])); // vouches for the two before it
    const auto record = catalog::parse_removal_record(content_of(record_of(ids[2])));
    EXPECT_EQ(record.previous_id, ids[1]);
    EXPECT_EQ(record.previous_record_sha256, stream::sha256_of(content_of(record_of(ids[1]))));
    EXPECT_EQ(record.removed_utc, "2025-10-17T00:00:00Z");
    EXPECT_EQ(record.reason, "kept by no rule");
    EXPECT_FALSE(record.run.empty());
    EXPECT_EQ(record.signer, signing_key(settings).fingerprint);
    EXPECT_EQ(verify_all().code(), ExitCode::ok);
    // Another host that is told the signer's fingerprint believes it too.
    const auto signer = record.signer;
    settings.state = root / "another";
    EXPECT_THAT(gaps(ids[3], {.signers = {signer}}), IsEmpty());
    EXPECT_EQ(gaps(ids[3]).at(0).code, ExitCode::untrusted);
    for (const auto& [name, mode] :
         {std::pair("", 0700U), std::pair("x.json", 0600U), std::pair("x.json.sig", 0600U)}) {
        struct stat status {};
        auto file = (settings.backups / ".removed").string();
        if (*name != '\0')
            file = record_of(ids[0]).string() + (std::string(name).ends_with(".sig") ? ".sig" : "");
        ASSERT_EQ(::stat(file.c_str(), &status), 0) << file;
        EXPECT_EQ(status.st_mode & 07777U, mode) << file;
    }
}

TEST_F(ChainTest, WhatWasRemovedByHandIsNamed) {
    const auto ids = store_many(4);
    fs::remove_all(path(ids[1]));
    const auto found = verify_all();
    EXPECT_EQ(found.code(), ExitCode::damaged);
    ASSERT_THAT(found.backups, SizeIs(3));
    EXPECT_EQ(found.backups[0].code(), ExitCode::ok);
    const auto& faults = found.backups[1].examination.faults;
    ASSERT_THAT(faults, SizeIs(1));
    EXPECT_EQ(faults[0].where, ids[1]);
    EXPECT_THAT(faults[0].what,
                HasSubstr("is missing before " + ids[2] + ", and no signed record says that it was removed"));
    EXPECT_TRUE(faults[0].of_chain);
    EXPECT_EQ(found.backups[2].code(), ExitCode::ok);
    EXPECT_TRUE(look(ids[2]).good()); // no reason not to restore it
    // Its neighbours are let go by retention: it is missed all the same.
    prune_now(1);
    EXPECT_EQ(gaps(ids[3]).at(0).where, ids[1]);
}

TEST_F(ChainTest, ADeletedOrForgedRecordExplainsNothing) {
    const auto ids = store_many(3);
    prune_now(2);
    prune_now(1);
    ASSERT_THAT(gaps(ids[2]), IsEmpty());
    const auto json = content_of(record_of(ids[1])), sig = content_of(record_of(ids[1]).string() + ".sig");
    const auto restore = [&] {
        overwrite(record_of(ids[1]), json);
        overwrite(record_of(ids[1]).string() + ".sig", sig);
        EXPECT_THAT(gaps(ids[2]), IsEmpty());
    };
    fs::remove(record_of(ids[1]));
    EXPECT_EQ(gaps(ids[2]).at(0).code, ExitCode::damaged);
    restore();
    fs::remove(record_of(ids[1]).string() + ".sig");
    EXPECT_EQ(gaps(ids[2]).at(0).code, ExitCode::untrusted);
    restore();
    edit_record(ids[1], [](auto& record) { record.previous_id.clear(); });
    EXPECT_EQ(gaps(ids[2]).at(0).code, ExitCode::untrusted);
    restore();
    const auto other = keys.make_key("other", false);
    sign_record(ids[1], other); // under our name
    EXPECT_EQ(gaps(ids[2]).at(0).code, ExitCode::untrusted);
    edit_record(ids[1], [&](auto& record) {
        record.signer = other;
        record.signer_key = keys.gpg("--armor --export " + other);
    });
    sign_record(ids[1], other);
    EXPECT_EQ(gaps(ids[2]).at(0).code, ExitCode::untrusted);
    EXPECT_THAT(gaps(ids[2]).at(0).what, HasSubstr("--signer " + other));
    EXPECT_THAT(gaps(ids[2]).at(0).what, HasSubstr(ids[1] + " is missing before " + ids[2]));
    restore();
    overwrite(record_of(ids[1]), "{");
    EXPECT_THAT(gaps(ids[2]), SizeIs(1));
    restore();
    // One that explains another backup: right by its signature.
    overwrite(record_of(ids[1]), content_of(record_of(ids[0])));
    overwrite(record_of(ids[1]).string() + ".sig", content_of(record_of(ids[0]).string() + ".sig"));
    EXPECT_EQ(gaps(ids[2]).at(0).code, ExitCode::damaged);
    restore();
    // An older one: what the newer vouches for is its bytes.
    fs::remove(record_of(ids[0]).string() + ".sig");
    EXPECT_THAT(gaps(ids[2]), IsEmpty());
    edit_record(ids[0], [](auto& record) { record.reason = "other"; });
    EXPECT_THAT(gaps(ids[2]), SizeIs(1));
    fs::remove(record_of(ids[0]));
    EXPECT_EQ(gaps(ids[2]).at(0).where, ids[0]);
}

TEST_F(ChainTest, ARemovalVouchesForNoRecordThatIsNotGood) {
    const auto ids = store_many(3);
    prune_now(2);
    const auto other = keys.make_key("other", false);
    edit_record(ids[0], [&](auto& record) { record.signer = other; });
    sign_record(ids[0], other);
    prune_now(1);
    EXPECT_EQ(catalog::parse_removal_record(content_of(record_of(ids[1]))).previous_record_sha256, "");
    EXPECT_EQ(gaps(ids[2]).at(0).code, ExitCode::untrusted);
}

// Our signature under another's words would make them ours.
TEST_F(ChainTest, ARecordDoesNotRepeatWhatAManifestSaysThatNobodyBelieves) {
    const auto ids = store_many(2);
    fs::remove_all(path(ids[0])); // by somebody who then wants nobody to miss it
    edit_manifest(ids[1], [](auto& manifest) {
        manifest.previous_id.clear();
        manifest.previous_sha256.clear();
        manifest.signer.clear();
        manifest.signer_key.clear();
    });
    fs::remove(path(ids[1], "manifest.json.sig"));
    const auto third = store({"n8n"}, 100);
    EXPECT_THAT(prune_now(1).removed, ElementsAre(ids[1]));
    const auto record = catalog::parse_removal_record(content_of(record_of(ids[1])));
    EXPECT_FALSE(record.previous_known);
    EXPECT_THAT(record.doubt, HasSubstr("is not signed"));
    EXPECT_EQ(gaps(third).at(0).code, ExitCode::untrusted);
    EXPECT_THAT(gaps(third).at(0).what, HasSubstr("was not believed (manifest.json is not signed)"));
    EXPECT_TRUE(vouch(ids[1]));
    EXPECT_THAT(gaps(third), IsEmpty());
}

TEST_F(ChainTest, ABackupThatStayedAlthoughItsRemovalIsOnRecordIsNoFault) {
    const auto ids = store_many(3);
    {
        const store::BackupFolder folder(settings.backups);
        Removals removals(settings, folder);
        removals.prepare();
        removals.record(ids[0], "kept by no rule", "run", now_);
        removals.record(ids[1], "kept by no rule", "run", now_);
    }
    EXPECT_EQ(verify_all().code(), ExitCode::ok);
    store::BackupFolder(settings.backups).pin(ids[0]);
    EXPECT_THAT(prune_now(1).removed, ElementsAre(ids[1]));
    EXPECT_FALSE(fs::exists(record_of(ids[0]))); // it stays: else it could vanish unnoticed
    EXPECT_FALSE(fs::exists(record_of(ids[0]).string() + ".sig"));
    EXPECT_EQ(verify_all().code(), ExitCode::ok);
    fs::remove_all(path(ids[0]));
    EXPECT_EQ(gaps(ids[2]).at(0).where, ids[0]);
}

#ifdef MIRACLEMAX_FAULT_POINTS
TEST_F(ChainTest, KilledAnywhereInARemovalTheNextPruneGoesOn) {
    for (const auto* point : {"removal.record", "removal.withdraw", "removal.delete"}) {
        const auto ids = store_many(2);
        const int status = test::in_child([&] {
            ::setenv("MIRACLEMAX_FAULT", (std::string(point) + ":kill").c_str(), 1);
            stream::reload_fault_plan();
            prune_now(1);
            return 0;
        });
        ASSERT_TRUE(status != -1 && WIFSIGNALED(status)) << point;
        EXPECT_EQ(verify_all().code(), ExitCode::ok) << point;
        store::BackupFolder(settings.backups).sweep();
        prune_now(1);
        EXPECT_THAT(this->ids(), ElementsAre(ids[1])) << point;
        EXPECT_EQ(verify_all().code(), ExitCode::ok) << point;
    }
}
#endif

TEST_F(ChainTest, UnsignedRecordsAreWorthWhatUnsignedBackupsAre) {
    settings.signing = false;
    const auto ids = store_many(3);
    prune_now(1);
    EXPECT_FALSE(fs::exists(record_of(ids[1]).string() + ".sig"));
    EXPECT_EQ(gaps(ids[2]).at(0).code, ExitCode::untrusted);
    EXPECT_THAT(gaps(ids[2]).at(0).what, HasSubstr("is not signed"));
    EXPECT_EQ(verify_all({.signers = {}, .unsigned_is_fine = true}).code(), ExitCode::ok);
    // Records that nobody signed may name one another for ever.
    edit_record(ids[0], [&](auto& record) {
        record.previous_id = ids[1];
        record.previous_sha256 = catalog::parse_removal_record(content_of(record_of(ids[1]))).manifest_sha256;
    });
    EXPECT_THAT(gaps(ids[2], {.signers = {}, .unsigned_is_fine = true}), IsEmpty());
}

TEST_F(ChainTest, TheUserMayVouchForWhatIsGone) {
    const auto ids = store_many(4);
    EXPECT_THROW(vouch(ids[1]), Error); // it is there
    EXPECT_THROW(vouch("20200101_000000"), Error);
    fs::remove_all(path(ids[0]));
    fs::remove_all(path(ids[1]));
    EXPECT_EQ(gaps(ids[2]).at(0).where, ids[1]);
    EXPECT_TRUE(vouch(ids[1]));
    EXPECT_THAT(gaps(ids[2]), IsEmpty());
    EXPECT_FALSE(vouch(ids[1]));
    // Also where only a record names it.
    prune_now(2);
    fs::remove(record_of(ids[1]));
    prune_now(1);
    EXPECT_EQ(gaps(ids[3]).at(0).where, ids[1]);
    EXPECT_TRUE(vouch(ids[1]));
    EXPECT_EQ(verify_all().code(), ExitCode::ok);
}

TEST_F(ChainTest, RecordsAreNeitherListedNorSwept) {
    const auto ids = store_many(2);
    prune_now(1);
    store::BackupFolder folder(settings.backups);
    EXPECT_THAT(folder.sweep(), IsEmpty());
    EXPECT_THAT(folder.ids(), ElementsAre(ids[1]));
    EXPECT_TRUE(fs::exists(record_of(ids[0])));
    overwrite(settings.backups / ".removed" / ".x.json.AbCdEf", "half");
    prune_now(1);
    EXPECT_THAT(prune_now(1).warnings, IsEmpty());
}

// Removing is what makes room: it needs none.
TEST_F(ChainTest, AFullDiskIsNoReasonNotToPrune) {
    const auto at = settings.backups;
    if (::mount("tmpfs", at.c_str(), "tmpfs", 0, "size=1m") != 0)
        GTEST_SKIP() << "no mounts here";
    const auto ids = store_many(3);
    {
        const store::BackupFolder folder(settings.backups);
        Removals(settings, folder).prepare();
    }
    std::ofstream full(at / "full");
    for (const std::string block(4096, 'x'); full.write(block.data(), 4096).flush();) {
    }
    full.close();
    const auto result = prune_now(1);
    EXPECT_THAT(result.removed, ElementsAre(ids[0], ids[1]));
    EXPECT_THAT(result.warnings, IsEmpty());
    EXPECT_EQ(verify_all().code(), ExitCode::ok);
    EXPECT_TRUE(fs::exists(at / ".removed" / ".spare")); // made anew
    ::umount(at.c_str());
}

} // namespace
} // namespace miraclemax::run
