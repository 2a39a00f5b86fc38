import type { ReactNode } from "react";
import { Connection } from "./Connection";

export const metadata = { title: "Longhaul" };

export default function Layout({ children }: { children: ReactNode }) {
  return (
    <html lang="en">
      <body>
        <Connection>{children}</Connection>
      </body>
    </html>
  );
}
