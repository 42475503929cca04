internal import BatchCore
internal import BatchSystem

/// What a document says, in a file beside its PDF: plain text, hOCR or ALTO.
struct TextOutput {
    private let pages: [Page]
    private let title: String
    /// The program that has read it, with its version.
    private let engine: String

    /// A page as it was read.
    private struct Page {
        let text: String
        let width: Int
        let height: Int
        let resolution: Resolution
        /// Paragraphs, lines, words.
        let paragraphs: [[[RecognisedPage.Word]]]

        init(_ page: JSONValue) {
            text = page["text"]?.string ?? ""
            width = Int(page["width"]?.integer ?? 0)
            height = Int(page["height"]?.integer ?? 0)
            let place = PageSource(page)
            resolution = place.resolution.turned(place.rotate)
            let words = (page["words"]?.array ?? []).compactMap(RecognisedPage.Word.init)
            paragraphs = Page.divided(words, text)
        }

        /// Where lines and paragraphs end is told by the text, which has the words in their order.
        private static func divided(_ words: [RecognisedPage.Word], _ text: String) -> [[[RecognisedPage.Word]]] {
            var paragraphs: [[[RecognisedPage.Word]]] = []
            var rest = text[...]
            for word in words {
                let range = rest.firstRange(of: word.text)
                let between = range.map { rest[..<$0.lowerBound] } ?? ""
                if let range { rest = rest[range.upperBound...] }
                if paragraphs.isEmpty || between.contains("\n\n") {
                    paragraphs.append([[word]])
                } else if between.contains("\n") {
                    paragraphs[paragraphs.count - 1].append([word])
                } else {
                    let last = paragraphs[paragraphs.count - 1].count - 1
                    paragraphs[paragraphs.count - 1][last].append(word)
                }
            }
            return paragraphs
        }
    }

    init(_ job: JSONValue) {
        pages = (job["pages"]?.array ?? []).map(Page.init)
        title = job["title"]?.string ?? ""
        engine = job["engine"]?.string ?? ""
    }

    func write(_ output: DocumentProfile.Output, to path: String) throws(DocumentError) {
        let content: String
        switch output {
        case .pdf, .pdfa: return
        case .text: content = text
        case .hocr: content = hocr
        case .alto: content = alto
        }
        do throws(BatchError) { try DurableFile.write(Array(content.utf8), to: path) } catch {
            throw DocumentError(error.code == .diskFull ? .diskShort : .unreadable, error.message)
        }
    }

    /// As `pdftotext` writes it: a form feed after each page.
    private var text: String { pages.map { $0.text + ($0.text.isEmpty ? "\u{C}" : "\n\u{C}") }.joined() }

    // MARK: hOCR 1.2

    private var hocr: String {
        var lines = [
            #"<?xml version="1.0" encoding="UTF-8"?>"#,
            #"<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">"#,
            #"<html xmlns="http://www.w3.org/1999/xhtml">"#, "<head>", "<title>\(escaped(title))</title>",
            #"<meta http-equiv="Content-Type" content="text/html; charset=utf-8"/>"#,
            #"<meta name="ocr-system" content="\#(escaped(engine))"/>"#,
            #"<meta name="ocr-capabilities" content="ocr_page ocr_par ocr_line ocrx_word"/>"#, "</head>", "<body>",
        ]
        for (number, page) in pages.enumerated() {
            let id = number + 1
            lines.append(
                #"<div class="ocr_page" id="page_\#(id)" title="bbox 0 0 \#(page.width) \#(page.height); ppageno \#(number); scan_res \#(page.resolution.across) \#(page.resolution.down)">"#
            )
            var (paragraphs, rows, words) = (0, 0, 0)
            for paragraph in page.paragraphs {
                paragraphs += 1
                lines.append(
                    #"<p class="ocr_par" id="par_\#(id)_\#(paragraphs)" title="\#(box(paragraph.flatMap(\.self)))">"#)
                for row in paragraph {
                    rows += 1
                    let spans = row.map { word in
                        words += 1
                        return
                            #"<span class="ocrx_word" id="word_\#(id)_\#(words)" title="\#(box([word])); x_wconf \#(percent(word))">\#(escaped(word.text))</span>"#
                    }
                    lines.append(
                        #"<span class="ocr_line" id="line_\#(id)_\#(rows)" title="\#(box(row))">\#(spans.joined(separator: " "))</span>"#
                    )
                }
                lines.append("</p>")
            }
            lines.append("</div>")
        }
        return (lines + ["</body>", "</html>"]).joined(separator: "\n") + "\n"
    }

    private func percent(_ word: RecognisedPage.Word) -> Int { Int((word.confidence * 100).rounded()) }

    private func box(_ words: [RecognisedPage.Word]) -> String {
        let frame = TextOutput.frame(words)
        return "bbox \(frame.left) \(frame.top) \(frame.right) \(frame.bottom)"
    }

    private static func frame(_ words: [RecognisedPage.Word]) -> (left: Int, top: Int, right: Int, bottom: Int) {
        (
            words.map(\.left).min() ?? 0, words.map(\.top).min() ?? 0, words.map { $0.left + $0.width }.max() ?? 0,
            words.map { $0.top + $0.height }.max() ?? 0
        )
    }

    // MARK: ALTO 4

    private var alto: String {
        var lines = [
            #"<?xml version="1.0" encoding="UTF-8"?>"#,
            #"<alto xmlns="http://www.loc.gov/standards/alto/ns-v4#" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="http://www.loc.gov/standards/alto/ns-v4# http://www.loc.gov/standards/alto/v4/alto-4-4.xsd">"#,
            "<Description>", "<MeasurementUnit>pixel</MeasurementUnit>",
            "<sourceImageInformation><fileName>\(escaped(title))</fileName></sourceImageInformation>",
            #"<OCRProcessing ID="OCR_0"><ocrProcessingStep><processingSoftware><softwareName>\#(escaped(engine))</softwareName></processingSoftware></ocrProcessingStep></OCRProcessing>"#,
            "</Description>", "<Layout>",
        ]
        for (number, page) in pages.enumerated() {
            let id = number + 1
            let whole = #"HPOS="0" VPOS="0" WIDTH="\#(page.width)" HEIGHT="\#(page.height)""#
            lines.append(
                #"<Page ID="page_\#(id)" PHYSICAL_IMG_NR="\#(id)" WIDTH="\#(page.width)" HEIGHT="\#(page.height)">"#)
            lines.append("<PrintSpace \(whole)>")
            var (rows, words) = (0, 0)
            for (block, paragraph) in page.paragraphs.enumerated() {
                lines.append(#"<TextBlock ID="block_\#(id)_\#(block + 1)" \#(place(paragraph.flatMap(\.self)))>"#)
                for row in paragraph {
                    rows += 1
                    let strings = row.map { word in
                        words += 1
                        return
                            #"<String ID="string_\#(id)_\#(words)" \#(place([word])) WC="\#(fraction(word))" CONTENT="\#(escaped(word.text))"/>"#
                    }
                    lines.append(
                        #"<TextLine ID="line_\#(id)_\#(rows)" \#(place(row))>\#(strings.joined(separator: "<SP/>"))</TextLine>"#
                    )
                }
                lines.append("</TextBlock>")
            }
            lines += ["</PrintSpace>", "</Page>"]
        }
        return (lines + ["</Layout>", "</alto>"]).joined(separator: "\n") + "\n"
    }

    private func place(_ words: [RecognisedPage.Word]) -> String {
        let frame = TextOutput.frame(words)
        return
            #"HPOS="\#(frame.left)" VPOS="\#(frame.top)" WIDTH="\#(frame.right - frame.left)" HEIGHT="\#(frame.bottom - frame.top)""#
    }

    private func fraction(_ word: RecognisedPage.Word) -> String { PDFWriter.number(word.confidence, digits: 2) }

    /// Characters that XML cannot hold are left out.
    private func escaped(_ text: String) -> String {
        String(
            String.UnicodeScalarView(
                text.unicodeScalars.filter { $0.value >= 32 || $0 == "\t" || $0 == "\n" }.filter {
                    $0.value != 0xFFFE && $0.value != 0xFFFF
                })
        ).escapedForMarkup
    }
}
