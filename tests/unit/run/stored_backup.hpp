// Small backups made by hand and published as a run publishes them: encrypted, summed up, signed.
#pragma once

#include "openpgp/encryption.hpp"
#include "run/publication.hpp"
#include "run/signing_key.hpp"
#include "run/verify.hpp"
#include "run/witness.hpp"
#include "stream/digest.hpp"
#include "unit/catalog/sample.hpp"
#include "unit/openpgp/keyring.hpp"
#include "unit/run/house.hpp"

namespace miraclemax::run {

inline std::string content_of(const std::filesystem::path& path) {
    return openpgp::testing::Keyring::content_of(path);
}

inline void overwrite(const std::filesystem::path& path, const std::string& content) {
    std::filesystem::remove_all(path);
    openpgp::testing::Keyring::write(path, content);
}

class StoredBackups : public House {
protected:
    StoredBackups() { settings.signing = true; }

    // Its id. Every archive has other content.
    std::string store(const std::vector<std::string>& components = {"n8n", "web"}, std::size_t size = 5000) {
        store::BackupFolder folder(settings.backups);
        store::Partial partial(folder.root(), folder.next_id(std::chrono::system_clock::now()));
        auto manifest = test::sample_manifest(partial.id());
        manifest.partial = false;
        manifest.failed.clear();
        manifest.components.clear();
        manifest.previous_id.clear();
        manifest.previous_sha256.clear();
        manifest.signer.clear();
        manifest.signer_key.clear();
        manifest.restore_sha256.clear();
        if (settings.signing) {
            const auto signer = signing_key(settings);
            manifest.signer = signer.fingerprint;
            manifest.signer_key = signer.armored;
        } else {
            manifest.signer.clear();
            manifest.signer_key.clear();
        }
        manifest.ended_utc = "2025-10-16T01:00:0" + std::to_string(++stored_) + "Z";
        for (const auto& name : components) {
            auto record = test::sample_component(name, name == "web" ? "volumes" : "databases");
            for (auto* file : {&record.archive.file, &record.inventory, &record.report}) {
                const auto content = encrypted(openpgp::testing::mixture(size + ++made_));
                partial.write(file->path, content);
                file->size = content.size();
                file->sha256 = stream::sha256_of(content);
            }
            manifest.components.push_back(record);
        }
        publish({.settings = settings, .engine = engine, .self_id = {}, .observer = recorder, .stop = {}},
                folder, partial, manifest);
        return partial.id();
    }
    std::string encrypted(const std::string& plain) {
        stream::StringSink sink;
        const auto encrypting =
            openpgp::encrypt_to(sink, public_home_, {.fingerprints = {key_}, .passphrase = {}});
        encrypting->write(openpgp::testing::bytes_of(plain));
        encrypting->finish();
        return sink.content();
    }

    Examination look(const std::string& id, const Trust& trust = {}, const Scope& scope = {}) {
        return examine(store::BackupFolder(settings.backups), id, Witness(settings, trust), scope);
    }
    [[nodiscard]] std::filesystem::path path(const std::string& id, const std::string& file = {}) const {
        return file.empty() ? settings.backups / id : settings.backups / id / file;
    }
    // All regular files of a backup, relative.
    [[nodiscard]] std::vector<std::string> files(const std::string& id) const {
        std::vector<std::string> found;
        for (const auto& entry : std::filesystem::recursive_directory_iterator(path(id)))
            if (entry.is_regular_file())
                found.push_back(entry.path().lexically_relative(path(id)).string());
        std::sort(found.begin(), found.end());
        return found;
    }
    // Changes the manifest as somebody would who wants to go unnoticed: SHA256SUMS is made to fit.
    void edit_manifest(const std::string& id, const std::function<void(catalog::Manifest&)>& change) {
        auto manifest = catalog::parse_manifest(content_of(path(id, "manifest.json")));
        change(manifest);
        const auto json = catalog::to_json(manifest);
        overwrite(path(id, "manifest.json"), json);
        overwrite(path(id, "SHA256SUMS"), sums_of(manifest, stream::sha256_of(json),
                                                  stream::sha256_of(content_of(path(id, "RESTORE.txt")))));
    }
    // With a key of the ring, as `gpg --detach-sign` does.
    void sign_again(const std::string& id, const std::string& key) {
        keys.gpg("--local-user " + key + " --output " + path(id, "manifest.json.sig").string() +
                 " --detach-sign " + path(id, "manifest.json").string());
    }

    openpgp::testing::Keyring keys;

private:
    int stored_ = 0;
    std::size_t made_ = 0;
    std::string key_ = keys.make_key("recipient");
    openpgp::Home public_home_;

protected:
    std::vector<std::string> imported_ = openpgp::import_keys(public_home_, keys.public_key(key_));
    [[nodiscard]] const std::string& recipient() const { return key_; }
};

// "where: what" of each.
inline std::string told(const Examination& examination) {
    std::string text;
    for (const auto& fault : examination.faults)
        text += fault.where + ": " + fault.what + "\n";
    return text;
}

inline bool names(const Examination& examination, const std::string& where) {
    return std::any_of(examination.faults.begin(), examination.faults.end(),
                       [&](const Fault& fault) { return fault.where == where; });
}

} // namespace miraclemax::run
