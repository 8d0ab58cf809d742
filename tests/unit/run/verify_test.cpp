#include "unit/run/stored_backup.hpp"

#include "run/rehearsals.hpp"
#include "run/removals.hpp"

namespace miraclemax::run {
namespace {

using Names = std::vector<std::string>;

class Verifying : public StoredBackups {
protected:
    VerifyResult check(VerifyRequest request = {}) {
        return verify(
            settings, request,
            [this](const PrivateKeys&, const catalog::ComponentRecord& record,
                   const std::filesystem::path& backup, const worker::Unpacker::Told& progress) {
                rehearsed.push_back(backup.filename().string() + " " + record.name);
                progress({});
                if (const auto found = trouble.find(record.name); found != trouble.end())
                    throw Error(found->second, "trouble with " + record.name);
                return archive::Unpacked{.entries = 3, .files = 2, .bytes = 100, .withheld = {}, .names = {}};
            },
            {}, stop.get_token());
    }
    [[nodiscard]] PrivateKeys key() const { return {.keys = "k", .fingerprints = {std::string(40, 'A')}}; }
    [[nodiscard]] std::optional<catalog::Proof> proof(const std::string& id) const {
        return catalog::Proofs(settings.proofs()).of(id);
    }
    Names looked_at(const VerifyResult& result) {
        Names ids;
        for (const auto& each : result.backups)
            ids.push_back(each.examination.id);
        return ids;
    }
    void make_latest(const std::string& id) { store::BackupFolder(settings.backups).set_latest(id); }

    std::map<std::string, ExitCode> trouble;
    Names rehearsed;
};

TEST_F(Verifying, TheLatestUnlessAskedOtherwise) {
    const auto one = store(), two = store();
    make_latest(one);
    EXPECT_EQ(looked_at(check()), Names{one});
    EXPECT_EQ(looked_at(check({.ids = {two, "latest", two}})), (Names{two, one}));
    std::filesystem::remove(path(one, "manifest.json"));
    const auto all = check({.all = true});
    EXPECT_EQ(looked_at(all), (Names{two, one}));
    EXPECT_EQ(all.code(), ExitCode::damaged); // a folder without a manifest is told
    EXPECT_TRUE(rehearsed.empty());
    try {
        check({.ids = {"20200101_000000"}});
        FAIL() << "there is none";
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), ExitCode::not_found);
    }
}

TEST_F(Verifying, WhatWasProvenIsKept) {
    const auto id = store();
    EXPECT_EQ(check({.ids = {id}}).code(), ExitCode::ok);
    ASSERT_TRUE(proof(id));
    EXPECT_EQ(proof(id)->examined.size(), 20U);
    EXPECT_TRUE(proof(id)->components.empty());
    EXPECT_EQ(check({.ids = {id}, .depth = Depth::deep, .keys = key()}).code(), ExitCode::ok);
    EXPECT_EQ(rehearsed, (Names{id + " n8n", id + " web"}));
    EXPECT_EQ(proof(id)->components.size(), 2U);
    const auto at = proof(id)->components.at("web").at;
    EXPECT_FALSE(at.empty());
    trouble["web"] = ExitCode::damaged;
    const auto result = check({.ids = {id}, .depth = Depth::deep, .keys = key()});
    EXPECT_EQ(result.code(), ExitCode::damaged);
    EXPECT_EQ(result.backups.at(0).rehearsals.at(1).trouble, "trouble with web");
    EXPECT_EQ(proof(id)->components.at("web").trouble, "trouble with web");
    EXPECT_EQ(proof(id)->components.at("web").at, at); // when it was good the last time
    EXPECT_EQ(proof(id)->components.at("n8n").trouble, "");
    trouble.clear();
    check({.ids = {id}, .depth = Depth::deep, .keys = key()});
    EXPECT_EQ(proof(id)->components.at("web").trouble, "");
}

TEST_F(Verifying, AFaultIsKeptUntilItIsGone) {
    const auto id = store();
    check({.ids = {id}});
    const auto examined = proof(id)->examined;
    overwrite(path(id, "volumes/extra"), "x");
    EXPECT_EQ(check({.ids = {id}}).code(), ExitCode::damaged);
    EXPECT_NE(proof(id)->examined_trouble.find("volumes/extra"), std::string::npos);
    EXPECT_EQ(proof(id)->examined, examined);
    std::filesystem::remove(path(id, "volumes/extra"));
    check({.ids = {id}, .components = {"n8n"}}); // a part proves nothing about the whole
    EXPECT_NE(proof(id)->examined_trouble, "");
    check({.ids = {id}});
    EXPECT_EQ(proof(id)->examined_trouble, "");
}

TEST_F(Verifying, PassingOverASignatureProvesNothing) {
    settings.signing = false;
    const auto id = store();
    EXPECT_EQ(check({.ids = {id}, .trust = {.signers = {}, .unsigned_is_fine = true}}).code(), ExitCode::ok);
    EXPECT_EQ(proof(id)->examined, ""); // that the files are whole is known, and no more
    EXPECT_EQ(check({.ids = {id}}).code(), ExitCode::untrusted);
    EXPECT_NE(proof(id)->examined_trouble.find("not signed"), std::string::npos);
}

TEST_F(Verifying, WithoutAKeyDeepIsAFailureAndDeepIfPossibleIsNot) {
    const auto id = store();
    const auto deep = check({.ids = {id}, .depth = Depth::deep});
    EXPECT_EQ(deep.code(), ExitCode::key);
    EXPECT_EQ(deep.backups.at(0).rehearsals.at(0).outcome, Outcome::no_key);
    const auto possible = check({.ids = {id}, .depth = Depth::deep_if_possible});
    EXPECT_EQ(possible.code(), ExitCode::ok);
    EXPECT_EQ(possible.backups.at(0).rehearsals.at(0).outcome, Outcome::no_key);
    EXPECT_TRUE(rehearsed.empty());
    EXPECT_TRUE(proof(id)->components.empty());
}

TEST_F(Verifying, AKeyIsNotBroughtNearWhatIsKnownToBeBad) {
    const auto id = store();
    overwrite(path(id, "volumes/web.tar.gz.gpg"), "x");
    const auto damaged = check({.ids = {id}, .depth = Depth::deep, .keys = key()});
    EXPECT_EQ(rehearsed, Names{id + " n8n"});
    EXPECT_EQ(damaged.backups.at(0).rehearsals.at(1).outcome, Outcome::not_tried);
    EXPECT_EQ(damaged.code(), ExitCode::damaged);
    rehearsed.clear();
    const auto other = store();
    std::filesystem::remove(path(other, "manifest.json.sig"));
    EXPECT_EQ(check({.ids = {other}, .depth = Depth::deep, .keys = key()}).code(), ExitCode::untrusted);
    EXPECT_TRUE(rehearsed.empty());
}

TEST_F(Verifying, WhatIsNotTheArchivesFaultEndsIt) {
    const auto id = store();
    for (const auto code : {ExitCode::podman, ExitCode::interrupted}) {
        trouble["n8n"] = code;
        try {
            check({.ids = {id}, .depth = Depth::deep, .keys = key()});
            FAIL() << "went on";
        } catch (const Error& error) {
            EXPECT_EQ(error.code(), code);
        }
    }
    EXPECT_FALSE(proof(id));
}

TEST_F(Verifying, ABackupThatIsLetGoMeanwhileIsNotCalledDamaged) {
    const auto one = store(), two = store();
    const auto result = verify(settings, {.ids = {one, two}}, {},
                               {.examined =
                                    [&](const auto& id, auto, auto) {
                                        if (id == one && std::filesystem::exists(path(one))) {
                                            const store::BackupFolder folder(settings.backups);
                                            Removals(settings, folder).record(one, "", "", {});
                                            std::filesystem::remove_all(path(one));
                                        }
                                    },
                                .rehearsed = {},
                                .ended = {}},
                               stop.get_token());
    EXPECT_EQ(looked_at(result), Names{two});
    EXPECT_EQ(result.code(), ExitCode::ok);
    ASSERT_EQ(result.warnings.size(), 1U);
    EXPECT_NE(result.warnings[0].find(one), std::string::npos);
}

TEST_F(Verifying, WhatIsMissingBeforeOneIsToldAndItIsOpenedAllTheSame) {
    const auto one = store(), two = store();
    std::filesystem::remove_all(path(one));
    const auto result = check({.ids = {two}, .depth = Depth::deep, .keys = key()});
    EXPECT_EQ(result.code(), ExitCode::damaged);
    EXPECT_EQ(rehearsed.size(), 2U);
    EXPECT_EQ(result.backups.at(0).rehearsals.at(0).outcome, Outcome::good);
    EXPECT_NE(proof(two)->examined_trouble.find(one + ": is missing before " + two), std::string::npos);
    const store::BackupFolder folder(settings.backups);
    Removals(settings, folder).vouch(one, "run", {});
    EXPECT_EQ(check({.ids = {two}}).code(), ExitCode::ok);
    EXPECT_EQ(proof(two)->examined_trouble, "");
}

TEST_F(Verifying, ComponentsAreChosenByName) {
    const auto one = store({"n8n"}), two = store();
    EXPECT_EQ(check({.ids = {two}, .components = {"web"}}).backups.at(0).components, Names{"web"});
    EXPECT_EQ(looked_at(check({.all = true, .components = {"web"}})), Names{two});
    for (const VerifyRequest& request : {VerifyRequest{.ids = {one}, .components = {"web"}},
                                         VerifyRequest{.all = true, .components = {"tow"}}}) {
        try {
            check(request);
            FAIL() << "it is not there";
        } catch (const Error& error) {
            EXPECT_EQ(error.code(), ExitCode::not_found);
        }
    }
}

TEST_F(Verifying, ASampleIsOfAllArchivesAndAtLeastOne) {
    const auto one = store(), two = store(), three = store(), four = store();
    const auto sampled = [&](double percent, std::uint64_t draw) {
        rehearsed.clear();
        check({.depth = Depth::deep, .sample = percent, .keys = key(), .random = [draw] { return draw; }});
        return rehearsed;
    };
    EXPECT_EQ(sampled(5, 0), Names{one + " n8n"});
    EXPECT_EQ(sampled(5, 7), Names{four + " web"});
    EXPECT_EQ(sampled(50, 0).size(), 4U);
    EXPECT_EQ(sampled(100, 3).size(), 8U);
    EXPECT_EQ(sampled(13, 3).size(), 2U);
    EXPECT_TRUE(proof(four)->components.contains("web"));
    rehearsed.clear();
    check({.depth = Depth::deep, .sample = 5, .keys = key()}); // by the system's chance
    EXPECT_EQ(rehearsed.size(), 1U);
}

// The real thing: a real backup, real workers.
class Rehearsing : public House {
protected:
    Rehearsing() {
        settings.signing = true;
        add("one", "a");
        add("two", "b");
        const auto key = keys.make_key("recipient");
        openpgp::testing::Keyring::write(root / "key.asc", keys.gpg("--armor --export " + key));
        openpgp::testing::Keyring::write(root / "key.sec", keys.gpg("--export-secret-keys " + key));
    }
    VerifyResult check(const std::string& id) {
        const Context context{.settings = settings,
                              .engine = engine,
                              .self_id = {},
                              .observer = recorder,
                              .stop = stop.get_token()};
        Rehearsals rehearsals([&]() -> const Context& { return context; });
        return verify(
            settings,
            {.ids = {id},
             .depth = Depth::deep,
             .keys = load_private_keys(settings, {.files = {root / "key.sec"}, .passphrase_file = {}})},
            [&](const auto& given, const auto& record, const auto& backup, const auto& progress) {
                return rehearsals(given, record, backup, progress);
            },
            {}, stop.get_token());
    }
    openpgp::testing::Keyring keys;
};

TEST_F(Rehearsing, AnEncryptedBackupIsOpenedAndCompared) {
    settings.key_files = {root / "key.asc"};
    const auto result = check(back_up().manifest.id);
    ASSERT_EQ(result.backups.size(), 1U);
    for (const auto& each : result.backups[0].rehearsals) {
        EXPECT_EQ(each.outcome, Outcome::good) << each.trouble;
        EXPECT_EQ(each.found.files, 1U);
    }
    EXPECT_EQ(result.code(), ExitCode::ok);
    EXPECT_TRUE(std::filesystem::is_empty(settings.journals()));
    EXPECT_TRUE(std::filesystem::is_empty(settings.control()));
}

TEST_F(Rehearsing, ALongPassphraseIsNoHindrance) {
    settings.passphrase = std::string(300, 'p');
    const auto result = check(back_up().manifest.id);
    ASSERT_EQ(result.backups.size(), 1U);
    ASSERT_EQ(result.backups[0].rehearsals.size(), 2U);
    for (const auto& each : result.backups[0].rehearsals)
        EXPECT_EQ(each.outcome, Outcome::good) << each.trouble;
}

// Without examine(), which would find it before.
TEST_F(Rehearsing, AFlippedBitInAnArchiveOrItsInventoryIsFoundByOpeningItAlone) {
    settings.key_files = {root / "key.asc"};
    const auto manifest = back_up().manifest;
    const auto& record = manifest.components.at(0);
    const auto backup = settings.backups / manifest.id;
    const Context context{.settings = settings,
                          .engine = engine,
                          .self_id = {},
                          .observer = recorder,
                          .stop = stop.get_token()};
    Rehearsals rehearsals([&]() -> const Context& { return context; });
    const auto keyring =
        load_private_keys(settings, {.files = {root / "key.sec"}, .passphrase_file = {}, .ask = {}});
    EXPECT_EQ(rehearsals(keyring, record, backup, [](const auto&) {}).files, 1U);
    for (const auto& file : {record.archive.file, record.inventory})
        for (const std::uint64_t part : {2U, 40U, 70U, 99U}) { // hundredths
            const auto content = content_of(backup / file.path);
            auto flipped = content;
            auto& byte = flipped[content.size() * part / 100];
            byte = static_cast<char>(byte ^ (1 << part % 8));
            overwrite(backup / file.path, flipped);
            try {
                rehearsals(keyring, record, backup, [](const auto&) {});
                ADD_FAILURE() << file.path << " at " << part << " of 100";
            } catch (const Error& error) {
                EXPECT_TRUE(error.code() == ExitCode::damaged || error.code() == ExitCode::key)
                    << error.what();
            }
            overwrite(backup / file.path, content);
        }
}

TEST_F(Rehearsing, APlainBackupNeedsNoKey) {
    const auto result = check(back_up().manifest.id);
    ASSERT_EQ(result.backups.size(), 1U);
    EXPECT_EQ(result.code(), ExitCode::ok);
    EXPECT_EQ(result.backups[0].rehearsals.at(0).outcome, Outcome::good)
        << result.backups[0].rehearsals.at(0).trouble;
}

} // namespace
} // namespace miraclemax::run
