#include "run/component_record.hpp"

#include "error.hpp"
#include "run/context.hpp"
#include "run/restore_target.hpp"

#include <filesystem>
#include <sstream>

namespace miraclemax::run {
namespace {

// The three files of a component in their place: all of them, or none.
class Adopted {
public:
    Adopted(store::Partial& partial, const component::Component& component)
        : partial_(partial), component_(component) {}
    ~Adopted() {
        if (kept_)
            return;
        for (const auto& path : paths_)
            try {
                partial_.retract(path);
            } catch (const std::exception&) { // the file is extra then, and a verification says so
            }
    }
    Adopted(const Adopted&) = delete;
    Adopted& operator=(const Adopted&) = delete;

    // The worker said how long the file is; a shorter one was never written to its end.
    catalog::StoredFile take(const std::string& leaf, const stream::Digest& digest) {
        paths_.push_back(partial_.adopt(component_.name, component_.category, leaf));
        if (std::filesystem::file_size(partial_.path() / paths_.back()) != digest.size)
            throw Error(ExitCode::failed, paths_.back() + " is not as long as its worker wrote it",
                        "run the backup again");
        return {.path = paths_.back(), .size = digest.size, .sha256 = digest.sha256};
    }
    void keep() { kept_ = true; }

private:
    store::Partial& partial_;
    const component::Component& component_;
    std::vector<std::string> paths_;
    bool kept_ = false;
};

// One word of a mount option list, its value hidden when it is a password: mount.cifs(8) takes pass,
// password, password2.
std::string without_secret(const std::string& word) {
    const auto name = word.substr(0, word.find('='));
    return name.starts_with("pass") && name.size() < word.size() ? name + "=HIDDEN" : word;
}

// The option `o` of a CIFS volume holds "username=x,password=y".
std::map<std::string, std::string> without_secrets(std::map<std::string, std::string> options) {
    for (auto& [name, value] : options) {
        std::istringstream words(value);
        std::string kept;
        for (std::string word; std::getline(words, word, ',');)
            kept += (kept.empty() ? "" : ",") + without_secret(word);
        value = kept;
    }
    return options;
}

catalog::ContentSource source_of(const component::Source& source, const archive::Root& root) {
    const bool volume = source.kind == component::Source::Kind::volume;
    auto labels = source.labels;
    labels.erase(made_by); // of a restore, and not the user's
    return {.kind = volume ? "volume" : "path",
            .path = source.path,
            .volume = source.volume,
            .driver = source.driver,
            .created_at = source.created_at,
            .labels = labels,
            .options = without_secrets(source.options),
            .uid = root.uid,
            .gid = root.gid,
            .mode = root.mode};
}

catalog::Freeze freeze_of(const PlannedGroup& now, const component::Component& component,
                          const quiesce::FreezeReport& report, bool consistent) {
    catalog::Freeze freeze{.group = now.group.name,
                           .consistent = consistent,
                           .quiesce = component::name_of(component.quiesce),
                           .milliseconds = report.time.count(),
                           .containers = {}};
    for (const auto& frozen : report.containers)
        freeze.containers.push_back({.name = frozen.name,
                                     .id = frozen.id,
                                     .how = quiesce::name_of(frozen.how),
                                     .milliseconds = frozen.time.count()});
    return freeze;
}

} // namespace

catalog::ComponentRecord record_of(const PlannedGroup& now, const Reading& reading,
                                   const quiesce::FreezeReport& report, bool consistent,
                                   store::Partial& partial) {
    const auto& component = reading.planned.component;
    const auto& outcome = reading.outcome.value();
    const auto& tally = outcome.tally;
    const auto leaves = worker::leaves_of(reading.job);
    Adopted adopted(partial, component);
    catalog::ComponentRecord record{.name = component.name,
                                    .category = component.category,
                                    .priority = component::name_of(component.priority),
                                    .encryption = component::name_of(component.encryption),
                                    .optional = component.optional,
                                    .complete =
                                        tally.changed == 0 && tally.unreadable == 0 && tally.elsewhere == 0,
                                    .source = source_of(component.source, outcome.root),
                                    .archive = {.compression = worker::name_of(reading.job.compression),
                                                .encryption = !reading.job.encrypted()         ? "none"
                                                              : reading.job.passphrase.empty() ? "openpgp"
                                                                                               : "passphrase",
                                                .recipients = reading.job.fingerprints,
                                                .file = adopted.take(leaves.archive, outcome.archive),
                                                .tar_size = outcome.tar.size,
                                                .tar_sha256 = outcome.tar.sha256},
                                    .inventory = adopted.take(leaves.inventory, outcome.inventory),
                                    .report = adopted.take(leaves.report, outcome.report),
                                    .entries = {.entries = tally.entries,
                                                .files = tally.files,
                                                .bytes = tally.bytes,
                                                .changed = tally.changed,
                                                .vanished = tally.vanished,
                                                .unreadable = tally.unreadable,
                                                .skipped = tally.skipped,
                                                .elsewhere = tally.elsewhere,
                                                .excluded = tally.excluded},
                                    .freeze = freeze_of(now, component, report, consistent),
                                    .worker = reading.planned.worker,
                                    .trusted_xattrs = reading.job.trusted_xattrs,
                                    .began = local_time(reading.began),
                                    .ended = local_time(std::chrono::system_clock::now())};
    adopted.keep();
    return record;
}

} // namespace miraclemax::run
