#include "worker/job.hpp"

namespace miraclemax::worker {

const char* name_of(Compression kind) {
    switch (kind) {
    case Compression::none:
        return "none";
    case Compression::gzip:
        return "gzip";
    case Compression::zstd:
        return "zstd";
    }
    return "none";
}

const char* extension_of(Compression kind) {
    switch (kind) {
    case Compression::none:
        return "";
    case Compression::gzip:
        return ".gz";
    case Compression::zstd:
        return ".zst";
    }
    return "";
}

std::optional<Compression> compression_from(const std::string& word) {
    for (const Compression kind : {Compression::none, Compression::gzip, Compression::zstd}) {
        if (word == name_of(kind))
            return kind;
    }
    return std::nullopt;
}

Leaves leaves_of(const Job& job) {
    const std::string tail = std::string(extension_of(job.compression)) + (job.encrypted() ? ".gpg" : "");
    return {.archive = job.component + ".tar" + tail,
            .inventory = job.component + ".mtree" + tail,
            .report = job.component + ".report" + tail};
}

} // namespace miraclemax::worker
