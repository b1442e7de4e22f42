// SPDX-License-Identifier: Apache-2.0
// Picks from the embedded prelude what a kernel uses: unused functions cost
// compile time.
#include "weft/Target/CUDA/Emit.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"

#include <vector>

using namespace llvm;

namespace weft {

static constexpr char kPrelude[] =
#include "Prelude.inc"
    ;

namespace {

/// Functions and types that are printed together. With a tag (`widen:half`) it
/// is an overload that counts only where the tagged type occurs too.
struct Snippet {
  SmallVector<StringRef, 2> names; // "*": always
  StringRef tag;
  std::string text;
  SmallVector<StringRef> identifiers; // that the text mentions
  bool used = false;
};

void splitIdentifiers(StringRef text, SmallVectorImpl<StringRef> &out) {
  auto isWord = [](char c) { return isAlnum(c) || c == '_'; };
  for (size_t i = 0; i < text.size();) {
    if (!isWord(text[i])) {
      ++i;
      continue;
    }
    size_t end = i;
    while (end < text.size() && isWord(text[end]))
      ++end;
    out.push_back(text.slice(i, end));
    i = end;
  }
}

/// Functions of the rows that are no primitives, from Ops.td.
constexpr std::pair<const char *, const char *> kRows[] = {
#define WEFT_CUDA(mnemonic, text) {#mnemonic, text},
#include "weft/IR/RowCuda.inc"
#undef WEFT_CUDA
};

void addSnippet(std::vector<Snippet> &snippets, StringRef header,
                StringRef text) {
  Snippet &snippet = snippets.emplace_back();
  std::tie(header, snippet.tag) = header.trim().split(':');
  SplitString(header, snippet.names);
  // Comments that only structure the prelude stay behind.
  SmallVector<StringRef> lines;
  text.split(lines, '\n');
  for (StringRef line : lines) {
    if (line.starts_with("// ----"))
      break;
    if (!line.trim().empty())
      snippet.text += (line + "\n").str();
  }
}

std::vector<Snippet> parsePrelude() {
  std::vector<Snippet> snippets;
  StringRef rest = StringRef(kPrelude).split("\n//@ ").second;
  while (!rest.empty()) {
    auto [snippet, next] = rest.split("\n//@");
    auto [header, text] = snippet.split('\n');
    addSnippet(snippets, header, text);
    if (next.consume_front("rows\n")) {
      for (auto [name, body] : kRows)
        addSnippet(snippets, name, body);
      next = next.split("\n//@").second;
    }
    if (next.starts_with("end"))
      break;
    rest = next.ltrim();
  }
  return snippets;
}

const std::vector<Snippet> &prelude() {
  // Parsed once; never destroyed, so that it outlives every thread.
  static const auto *snippets = [] {
    auto *parsed = new std::vector<Snippet>(parsePrelude());
    for (Snippet &snippet : *parsed)
      splitIdentifiers(snippet.text, snippet.identifiers);
    return parsed;
  }();
  return *snippets;
}

/// The words that select snippets: what kernels and chosen snippets mention.
class Selection {
public:
  explicit Selection(StringRef kernelText)
      : kernelText_(kernelText), snippets_(prelude().size(), false) {
    SmallVector<StringRef> identifiers;
    splitIdentifiers(kernelText, identifiers);
    words_.insert(identifiers.begin(), identifiers.end());
    words_.insert("*");
    while (grow()) {
    }
  }

  std::string text() const {
    std::string text;
    for (auto [snippet, used] : zip(prelude(), snippets_))
      if (used)
        text += snippet.text;
    return text + "} // namespace weft\n";
  }

private:
  bool isWanted(const Snippet &snippet) const {
    bool named = any_of(snippet.names,
                        [&](StringRef name) { return words_.contains(name); });
    if (!named || snippet.tag.empty())
      return named;
    if (snippet.names[0] != "Cast")
      return words_.contains(snippet.tag);
    // Conversions are asked for by the type they lead to: cast<long long>.
    std::string type = snippet.tag.str();
    std::replace(type.begin(), type.end(), '_', ' ');
    return kernelText_.contains("cast<" + type + ">") ||
           kernelText_.contains("cast<weft::" + type + ">");
  }

  bool grow() {
    bool grown = false;
    for (size_t i = 0; i < snippets_.size(); ++i) {
      const Snippet &snippet = prelude()[i];
      if (snippets_[i] || !isWanted(snippet))
        continue;
      snippets_[i] = grown = true;
      words_.insert(snippet.identifiers.begin(), snippet.identifiers.end());
    }
    return grown;
  }

  StringRef kernelText_;
  std::vector<bool> snippets_;
  StringSet<> words_;
};

} // namespace

std::string cudaPrelude(StringRef kernelText) {
  return Selection(kernelText).text();
}

} // namespace weft
