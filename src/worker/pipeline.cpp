#include "worker/pipeline.hpp"

#include "stream/fault_point.hpp"
#include "stream/file.hpp"
#include "stream/gzip.hpp"
#include "stream/sha256_aside.hpp"
#include "stream/zstd.hpp"

namespace miraclemax::worker {

namespace {

using Moved = std::atomic<std::uint64_t>;

// Counts what gets past it.
class Counting : public stream::Sink {
public:
    Counting(stream::Sink& next, Moved& moved) : next_(next), moved_(moved) {}
    void write(stream::Bytes bytes) override {
        next_.write(bytes);
        ++moved_;
    }
    void finish() override {
        next_.finish();
        ++moved_;
    }

private:
    stream::Sink& next_;
    Moved& moved_;
};

openpgp::Recipients recipients_of(const Job& job) {
    return {.fingerprints = job.fingerprints, .passphrase = job.passphrase, .ocb = job.aead};
}

// While containers stand still, the disk is there for the reading.
stream::FileSink::Begin begin_of(const Job& job) {
    return job.frozen ? stream::FileSink::Begin::late : stream::FileSink::Begin::at_once;
}

} // namespace

// One file and what stands before it, destroyed from the front to the back.
class Pipeline::Line {
public:
    Line(const Job& job, const openpgp::Home& home, const std::string& leaf, unsigned threads, Moved& moved)
        : file_(
              job.folder / leaf, [&moved] { ++moved; }, begin_of(job)),
          kept_(file_, moved), stored_(kept_) {
        stream::Sink* next = &stored_;
        if (job.encrypted()) {
            encryption_ = openpgp::encrypt_to(*next, home, recipients_of(job));
            next = encryption_.get();
        }
        if (job.compression == Compression::gzip)
            compression_ = stream::gzip_to(*next, job.level, threads);
        else if (job.compression == Compression::zstd)
            compression_ = stream::zstd_to(*next, job.level, threads);
        plain_ = std::make_unique<stream::AsideDigestSink>(compression_ ? *compression_ : *next);
        entrance_ = std::make_unique<Counting>(*plain_, moved);
    }
    [[nodiscard]] stream::Sink& entrance() { return *entrance_; }
    [[nodiscard]] const stream::Digest& plain() const { return plain_->digest(); }
    [[nodiscard]] const stream::Digest& stored() const { return stored_.digest(); }

private:
    stream::FileSink file_;
    Counting kept_;
    stream::DigestSink stored_;
    std::unique_ptr<stream::Sink> encryption_;
    std::unique_ptr<stream::Sink> compression_;
    std::unique_ptr<stream::AsideDigestSink> plain_;
    std::unique_ptr<Counting> entrance_;
};

Pipeline::Pipeline(const Job& job, const openpgp::Home& home, Moved& moved) : folder_(job.folder) {
    const Leaves leaves = leaves_of(job);
    if (job.encrypted())
        openpgp::check_recipients(home, recipients_of(job));
    archive_ = std::make_unique<Line>(job, home, leaves.archive, job.threads, moved);
    inventory_ = std::make_unique<Line>(job, home, leaves.inventory, 1, moved);
    report_ = std::make_unique<Line>(job, home, leaves.report, 1, moved);
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
