// The map at the head of a sparse file's content: GNU.sparse 1.0 (GNU tar's manual, "Sparse Formats").
#pragma once

#include "archive/extents.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace miraclemax::archive {

// Takes the map's text block by block. Every line is a number: how many parts there are, then offset and
// length of each; the text is filled up to a block.
class SparseMap {
public:
    // size: of the file, holes included.
    explicit SparseMap(std::uint64_t size) : size_(size) {}

    // True: the map is complete, and the next block is content. Throws Error (damaged) for parts that
    // overlap, are out of order, lie beyond the size, or are more than our writer makes.
    bool take(std::string_view block);

    [[nodiscard]] std::vector<Extent>& parts() noexcept { return parts_; }
    [[nodiscard]] std::uint64_t data() const noexcept { return data_; } // bytes in all parts

private:
    void number(std::uint64_t value);

    std::uint64_t size_;
    std::vector<Extent> parts_; // without those of no length
    std::uint64_t data_ = 0;
    std::uint64_t value_ = 0;
    int digits_ = 0;
    std::uint64_t left_ = 0; // numbers still to come
    bool counted_ = false;
    std::uint64_t offset_ = 0;
    std::uint64_t end_ = 0; // of the part before
};

} // namespace miraclemax::archive
