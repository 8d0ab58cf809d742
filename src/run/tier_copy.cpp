#include "run/tier_copy.hpp"

#include "run/publication.hpp"
#include "run/stored_files.hpp"
#include "stream/digest.hpp"
#include "stream/fault_point.hpp"
#include "stream/file.hpp"

namespace miraclemax::run {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t buffer_size = std::size_t{4} << 20U;

class Copying {
public:
    Copying(const fs::path& source, const CopyScope& scope, store::Partial& partial)
        : source_(source), scope_(scope), partial_(partial) {}

    // Its own files: as the signed manifest implies them, not as they may lie there by now.
    void copy_texts(const Outline& outline, std::vector<Fault>& faults) {
        const auto& manifest = *outline.examination.manifest;
        const auto restore = restore_text();
        const auto sha256 = stream::sha256_of(restore.value_or(""));
        if (!restore || (!manifest.restore_sha256.empty() && sha256 != manifest.restore_sha256)) {
            faults.push_back(
                {.where = "RESTORE.txt", .what = "was changed while it was read", .component = {}});
            return;
        }
        partial_.write("manifest.json", outline.json);
        if (outline.signature)
            partial_.write("manifest.json.sig", *outline.signature);
        partial_.write("RESTORE.txt", *restore);
        partial_.write("SHA256SUMS", sums_of(manifest, stream::sha256_of(outline.json), sha256));
    }

    void copy_content(const catalog::Manifest& manifest, std::vector<Fault>& faults) {
        const auto named = named_files(manifest);
        for (const auto& [path, each] : named)
            of_ += each.file.size;
        for (const auto& [path, each] : named) {
            const auto what = copy(each.file);
            if (what.empty())
                continue;
            faults.push_back({.where = path, .what = what, .component = each.component});
            return;
        }
    }
    [[nodiscard]] std::uint64_t bytes() const { return bytes_; }

private:
    [[nodiscard]] std::optional<std::string> restore_text() const {
        try {
            return read_stored(source_ / "RESTORE.txt", longest_text);
        } catch (const Error&) { // it was read a moment ago
            return std::nullopt;
        }
    }

    // What is wrong with the source; empty: nothing.
    std::string copy(const catalog::StoredFile& file) {
        stream::FileSink sink(partial_.place(file.path));
        auto what =
            check_file(source_ / file.path, file, From::disk, buffer_, [&](std::span<const std::byte> bytes) {
                if (scope_.stop.stop_requested())
                    throw Error(ExitCode::interrupted, "the replication was interrupted");
                MIRACLEMAX_FAULT_POINT("copy.write");
                sink.write(bytes);
                bytes_ += bytes.size();
                if (scope_.progress)
                    scope_.progress(bytes_, of_);
            });
        if (what.empty())
            sink.finish();
        return what;
    }

    const fs::path& source_;
    const CopyScope& scope_;
    store::Partial& partial_;
    std::uint64_t bytes_ = 0, of_ = 0;
    std::vector<std::byte> buffer_ = std::vector<std::byte>(buffer_size);
};

} // namespace

Copied copy_backup(const store::BackupFolder& from, const std::string& id, const Witness& witness,
                   store::BackupFolder& to, const CopyScope& scope) {
    const auto source = from.path_of(id);
    const auto faulty = [&](std::vector<Fault> faults) {
        return Copied{.faults = is_folder(source) ? std::move(faults) : std::vector<Fault>{}};
    };
    auto outline = outline_of(source, id, witness);
    auto& faults = outline.examination.faults;
    // What else lies there stays there, and spoils nothing.
    std::erase_if(faults, [](const Fault& fault) { return fault.stray; });
    if (!faults.empty())
        return faulty(std::move(faults));
    store::Partial partial(to.root(), id);
    Copying copying(source, scope, partial);
    copying.copy_texts(outline, faults);
    if (faults.empty())
        copying.copy_content(*outline.examination.manifest, faults);
    if (!faults.empty())
        return faulty(std::move(faults));
    MIRACLEMAX_FAULT_POINT("copy.publish");
    partial.publish();
    return {.made = true, .bytes = copying.bytes(), .faults = {}};
}

} // namespace miraclemax::run
