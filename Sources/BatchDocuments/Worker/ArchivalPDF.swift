internal import BatchCore
internal import BatchSystem

/// A PDF for archives (PDF/A-2b), made of another one by Ghostscript: the way of the output `pdfa`.
enum ArchivalPDF {
    static let program = "gs"
    /// The colours that a reader without a profile of its own takes; of Debian's Ghostscript.
    private static let profile = "/usr/share/color/icc/ghostscript/srgb.icc"

    /// - Throws: `ERR_INTEGRATION_LIBRARY_MISSING` when it cannot be made here; asked before anything is read.
    static func require() throws(BatchError) {
        guard ProgramPath.isFound(program), Folder.exists(profile) else {
            throw BatchError(
                .libraryMissing, "the profile wants PDF/A, and Ghostscript is not installed",
                hint: "install it, e.g. apt-get install ghostscript; or leave out pdfa in catalog/ocr_profiles.yaml")
        }
    }

    /// Puts it in the place of the file. Pictures stay without loss: those that JPEG has compressed as they are, unless
    /// their colours are those of a printer.
    /// - Parameter timeout: milliseconds.
    static func convert(_ file: String, timeout: Int64) throws(DocumentError) {
        let (made, settings) = (file + ".pdfa", file + ".ps")
        defer { for path in [made, settings] { Folder.remove(path) } }
        do throws(BatchError) { try DurableFile.write(Array(intent.utf8), to: settings) } catch {
            throw DocumentError(.diskShort, error.message)
        }
        let gs = CommandLineProgram(
            arguments: [program] + options + ["--permit-file-read=\(profile)", "-sOutputFile=\(made)", settings, file],
            folder: FilePath.parent(file), timeout: timeout, grace: 200, sharesGroup: true)
        let fault = try PageSource.run(gs)
        guard fault == nil, Folder.exists(made) else {
            throw DocumentError(.pdfInvalid, "Ghostscript: \(fault ?? "it made nothing")")
        }
        do throws(BatchError) { try DurableFile.rename(made, to: file) } catch {
            throw DocumentError(.diskShort, error.message)
        }
    }

    private static let options = [
        "-dPDFA=2", "-dPDFACompatibilityPolicy=1", "-dSAFER", "-dBATCH", "-dNOPAUSE", "-dQUIET", "-sDEVICE=pdfwrite",
        "-sColorConversionStrategy=RGB", "-dAutoRotatePages=/None", "-dPassThroughJPEGImages=true",
        "-dPassThroughJPXImages=true", "-dAutoFilterColorImages=false", "-dAutoFilterGrayImages=false",
        "-dColorImageFilter=/FlateEncode", "-dGrayImageFilter=/FlateEncode", "-dDownsampleColorImages=false",
        "-dDownsampleGrayImages=false", "-dDownsampleMonoImages=false",
    ]

    /// Says which colours are meant (Adobe, "pdfmark Reference": objects of a catalog).
    private static let intent = """
        %!
        [ /_objdef {batchmgrColours} /type /stream /OBJ pdfmark
        [ {batchmgrColours} << /N 3 >> /PUT pdfmark
        [ {batchmgrColours} (\(profile)) (r) file /PUT pdfmark
        [ /_objdef {batchmgrIntent} /type /dict /OBJ pdfmark
        [ {batchmgrIntent} << /Type /OutputIntent /S /GTS_PDFA1 /OutputConditionIdentifier (sRGB)
            /Info (sRGB) /DestOutputProfile {batchmgrColours} >> /PUT pdfmark
        [ {Catalog} << /OutputIntents [ {batchmgrIntent} ] >> /PUT pdfmark

        """
}
