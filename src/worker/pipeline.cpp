#include "worker/pipeline.hpp"

#include "stream/digest.hpp"
#include "stream/fault_point.hpp"
#include "stream/file.hpp"
#include "stream/gzip.hpp"
#include "stream/zstd.hpp"

namespace miraclemax::worker {

// One file and what stands before it, destroyed from the front to the back.
class Pipeline::Line {
public:
    Line(const Job& job, const openpgp::Home& home, const std::string& leaf, unsigned threads)
        : file_(job.folder / leaf), stored_(file_) {
        stream::Sink* next = &stored_;
        if (job.encrypted()) {
            encryption_ = openpgp::encrypt_to(
                *next, home, {.fingerprints = job.fingerprints, .passphrase = job.passphrase});
            next = encryption_.get();
        }
        if (job.compression == Compression::gzip)
            compression_ = stream::gzip_to(*next, job.level, threads);
        else if (job.compression == Compression::zstd)
            compression_ = stream::zstd_to(*next, job.level, threads);
        plain_ = std::make_unique<stream::DigestSink>(compression_ ? *compression_ : *next);
    }
    [[nodiscard]] stream::Sink& entrance() { return *plain_; }
    [[nodiscard]] const stream::Digest& plain() const { return plain_->digest(); }
    [[nodiscard]] const stream::Digest& stored() const { return stored_.digest(); }

private:
    stream::FileSink file_;
    stream::DigestSink stored_;
    std::unique_ptr<stream::Sink> encryption_;
    std::unique_ptr<stream::Sink> compression_;
    std::unique_ptr<stream::DigestSink> plain_;
};

Pipeline::Pipeline(const Job& job, const openpgp::Home& home) : folder_(job.folder) {
    const Leaves leaves = leaves_of(job);
    archive_ = std::make_unique<Line>(job, home, leaves.archive, job.threads);
    inventory_ = std::make_unique<Line>(job, home, leaves.inventory, 1);
    report_ = std::make_unique<Line>(job, home, leaves.report, 1);
}

Pipeline::~Pipeline() = default;

void Pipeline::read(const archive::Scope& scope, const archive::Progress& progress) {
    MIRACLEMAX_FAULT_POINT("worker.read");
    result_ = archive::write_archive(
        scope,
        {.tar = archive_->entrance(), .inventory = inventory_->entrance(), .report = report_->entrance()},
        progress);
}

Outcome Pipeline::finish() {
    MIRACLEMAX_FAULT_POINT("worker.finish");
    archive_->entrance().finish();
    inventory_->entrance().finish();
    report_->entrance().finish();
    stream::sync_folder(folder_);
    return {.archive = archive_->stored(),
            .inventory = inventory_->stored(),
            .report = report_->stored(),
            .tar = archive_->plain(),
            .tally = result_.tally,
            .root = result_.root};
}

} // namespace miraclemax::worker
