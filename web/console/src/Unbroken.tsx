/** A text whose dates and amounts stay together. Of an ARN the name is shown, and the ARN on hover. */
import { resourceName, splitText } from "./textPieces";

export function Unbroken({ text }: { text: string }) {
  return splitText(text).map((piece, index) =>
    index % 2 === 0 ? (
      piece
    ) : piece.startsWith("arn:") ? (
      <span key={index} title={piece}>
        {resourceName(piece)}
      </span>
    ) : (
      <span key={index} className="unbroken">
        {piece}
      </span>
    ),
  );
}
